import { Events } from './events';
import type { DoorSignal, OwnSignal, You } from './generated/protocol';
import { forgetCall, hasCall, keepCall } from './place';
import { Refusal } from './refusal';
import type { Ask } from './requests';
import type { Timing } from './surroundings';

/** What is known of one's own call for help beside where it stands. */
export type Calling =
  /** On its way, for a moment. */
  | 'sending'
  /** The server has not said in time that it has it, or cannot be reached. It is tried on and on; say so, and show where else help is. */
  | 'unsure';

/** Private signals to the facilitators, from the door on. Nobody else can tell that there was one. */
export class Help extends Events<{ change: undefined }> {
  #signal: DoorSignal | OwnSignal | undefined;
  /** Asked for, and the server has not said yet that it has it. */
  #pending = false;
  #late = false;
  #lost = false;
  /** Has told that somebody may be watching, and not taken it back. */
  #watched = false;

  constructor(
    private readonly ask: Ask,
    private readonly timing: Pick<Timing, 'sure' | 'callAgain'>,
    private readonly storage: Storage,
  ) {
    super();
  }

  /** Where one's own signal stands, at the door and inside; undefined: there is none. */
  get signal(): DoorSignal | OwnSignal | undefined {
    return this.#signal;
  }

  get calling(): Calling | undefined {
    if (this.#pending) return this.#late || this.#lost ? 'unsure' : 'sending';
    return this.#lost && this.#waits ? 'unsure' : undefined;
  }

  /** Whether the facilitators are to know that somebody may be watching. */
  get watched(): boolean {
    return this.#watched;
  }

  /** Never refused, frozen or on hold. Asked for again and again, until the server has it or the session is over. */
  async distress(): Promise<void> {
    if (this.#pending) return;
    this.#pending = true;
    this.#late = false;
    keepCall(this.storage);
    this.emit('change', undefined);
    const late = setTimeout(() => this.#handleLate(), this.timing.sure);
    while (!(await this.#reaches())) await after(this.timing.callAgain);
    clearTimeout(late);
    this.#pending = false;
    forgetCall(this.storage);
    this.emit('change', undefined);
  }

  /** Somebody may be watching this screen; or not any more. */
  async notAlone(on: boolean): Promise<void> {
    await this.ask({ type: 'not_alone', on });
    this.#watched = on;
    this.emit('change', undefined);
  }

  handleSignal(signal: DoorSignal | OwnSignal | undefined): void {
    if (this.#signal === signal) return;
    this.#signal = signal;
    this.emit('change', undefined);
  }

  /** Said by the server itself, before or beside any view: so the line is there. */
  handleTold(signal: DoorSignal): void {
    this.#lost = false;
    this.handleSignal(signal);
  }

  /** Whoever opens a link calls anew, or does not. */
  handleJoin(): void {
    if (!this.#pending) forgetCall(this.storage);
  }

  /** After a reload: a call that was not sure to have arrived is made again. */
  handleReload(): void {
    if (!hasCall(this.storage)) return;
    this.distress().catch(() => undefined);
    this.#handleLate();
  }

  handleLost(): void {
    this.#lost = true;
    this.emit('change', undefined);
  }

  /** `you`: as the server knows one now; undefined at the door. One that was restarted remembers no signal, and is told again. */
  handleBack(you: Pick<You, 'signal' | 'not_alone'> | undefined): void {
    const again = !you?.signal && this.#waits && !this.#pending;
    this.#lost = false;
    this.emit('change', undefined);
    if (again) this.distress().catch(() => undefined);
    if (this.#watched && !you?.not_alone) this.notAlone(true).catch(() => undefined);
    this.#watched ||= you?.not_alone ?? false;
  }

  get #waits(): boolean {
    return this.#signal !== undefined && this.#signal.state !== 'answered';
  }

  #handleLate(): void {
    this.#late = true;
    this.emit('change', undefined);
  }

  async #reaches(): Promise<boolean> {
    try {
      await this.ask({ type: 'distress' });
      return true;
    } catch (error) {
      this.#handleLate();
      if (error instanceof Refusal && error.code !== 'closed') return false;
      throw error;
    }
  }
}

function after(milliseconds: number): Promise<void> {
  return new Promise((over) => setTimeout(over, milliseconds));
}
