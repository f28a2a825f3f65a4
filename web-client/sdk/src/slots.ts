import type { ParticipantId, Source } from './generated/protocol';

/** A place on the page for one participant's picture. */
export interface Picture {
  readonly participant: ParticipantId;
  readonly source: Exclude<Source, 'microphone'>;
  /** Higher is more important when there are more pictures than the connection carries. 0 where left out. */
  readonly priority?: number;
  /** Called whenever the picture appears or disappears: draw something calm in its place meanwhile. */
  readonly onShown?: (shown: boolean) => void;
}
