import type { ByeReason, Card, GroundRules } from './generated/protocol';

export type ClosedReason = ByeReason | 'unreachable';

export type Phase =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting' }
  /** To be agreed to with `acceptGroundRules` before anything else. */
  | { readonly name: 'ground_rules'; readonly rules: GroundRules }
  | { readonly name: 'waiting' }
  /** A facilitator who has come in while the server cannot keep its record: `standby` has the calls for help. The room follows by itself. */
  | { readonly name: 'standing_by' }
  | { readonly name: 'seated' }
  /** The connection is being healed; the place is kept. `from` is what it was before. */
  | { readonly name: 'reconnecting'; readonly from: 'ground_rules' | 'waiting' | 'standing_by' | 'seated' }
  | { readonly name: 'closed'; readonly reason: ClosedReason; readonly card?: Card };
