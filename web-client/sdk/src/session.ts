import { type FacilitatorDesk } from './desk';
import type { Devices } from './devices';
import { Events } from './events';
import type { ByeReason, Card, GroundRules, HandKind, Notice } from './generated/protocol';
import type { Link } from './links';
import type { MediaState, OwnSources } from './own';
import type { Picture } from './slots';
import type { View } from './state';

export type ClosedReason = ByeReason | 'bad_link' | 'unreachable';

export type Phase =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting' }
  /** To be agreed to with `acceptGroundRules` before anything else. */
  | { readonly name: 'ground_rules'; readonly rules: GroundRules }
  | { readonly name: 'waiting' }
  | { readonly name: 'seated' }
  /** The connection is being healed; the place is kept. `from` is what it was before. */
  | { readonly name: 'reconnecting'; readonly from: 'ground_rules' | 'waiting' | 'seated' }
  | { readonly name: 'closed'; readonly reason: ClosedReason; readonly message?: string; readonly card?: Card };

export interface SessionEvents {
  phase: Phase;
  view: View;
  own: OwnSources;
  media: MediaState;
  notice: Notice;
  /** Whether the browser wants a click before it plays sound: then show one and call `allowSound`. */
  soundBlocked: boolean;
}

export interface SessionOptions {
  readonly devices?: Devices;
}

/** One person's way through one session, from the link to the goodbye. Used once. */
export declare class Session extends Events<SessionEvents> {
  constructor(options?: SessionOptions);

  readonly devices: Devices;
  /** What facilitators may do. */
  readonly desk: FacilitatorDesk;

  get phase(): Phase;
  /** Undefined until there is a seat. Stays as it was last while reconnecting. */
  get view(): View | undefined;
  get own(): OwnSources;
  get media(): MediaState;
  get soundBlocked(): boolean;
  /** Milliseconds on the session's clock: `until - now()` is what is left of a turn. */
  now(): number;

  /** Whether this tab has a place to come back to, after a reload. */
  static hasPlace(): boolean;
  /** Comes back to that place. */
  resume(): void;
  /** Redeems the link and knocks. Rejects where the link is not good; the phase is then `idle` again. */
  join(link: Link): Promise<void>;

  acceptGroundRules(): Promise<void>;
  /** Opens the device where needed. Turning on is refused where something else keeps the gate closed. */
  setMicrophone(on: boolean): Promise<void>;
  setCamera(on: boolean): Promise<void>;
  setScreen(on: boolean): Promise<void>;
  raiseHand(kind?: HandKind): Promise<void>;
  lowerHand(): Promise<void>;
  yieldFloor(): Promise<void>;
  pass(): Promise<void>;
  defer(): Promise<void>;
  /** Gives the seat up, and forgets it. Always succeeds here, at the latest after a second. */
  leave(): Promise<void>;

  /**
   * Shows a participant's picture in `element`, and tells the server how large it is. The element stays transparent until the
   * picture is truly this participant's. The function that comes back ends it.
   */
  show(element: HTMLVideoElement, picture: Picture): () => void;
  /** To be called in a click, after `soundBlocked`. */
  allowSound(): void;
}
