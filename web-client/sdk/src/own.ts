import type { Reason, Source } from './generated/protocol';

/** One of the person's own sources, as it truly is. */
export interface OwnSource {
  /** The device is live and the gate is open: others can hear or see it. What the light shows. */
  readonly on: boolean;
  /** Between a click and its outcome. */
  readonly busy: boolean;
  /** Why it cannot be turned on now; empty: the person's own click is enough. */
  readonly heldBy: readonly Reason[];
}

export type OwnSources = Readonly<Record<Source, OwnSource>>;

export type MediaState =
  /** No seat, no media. */
  | 'none'
  | 'connecting'
  | 'connected'
  /** Being healed; the last pictures may stand still. */
  | 'interrupted';
