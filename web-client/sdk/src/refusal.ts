import type { RefusalCode } from './generated/protocol';

/** What can go wrong before a request reaches the server. */
export type LocalCode =
  /** The server could not be reached in time. */
  | 'unreachable'
  /** The session is over, or not begun. */
  | 'closed'
  /** The browser or the person did not allow the device. */
  | 'device_denied'
  /** There is no such device. */
  | 'no_device'
  /** Another program holds the device. */
  | 'device_busy'
  /** The link is not valid (any more), or belongs to another browser. */
  | 'bad_link';

/** An action that was not carried out. The message is for people. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: RefusalCode | LocalCode,
    message: string,
  ) {
    super(message);
  }
}
