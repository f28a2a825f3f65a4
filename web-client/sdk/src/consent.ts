import type { GroundRules } from './generated/protocol';
import { Refusal } from './refusal';
import type { Ask } from './requests';

/** The ground rules as this page knows them, and one's agreement to them. */
export class Consent {
  /** Shown, and not agreed to yet. */
  #due: GroundRules | undefined;
  /** As they were shown last. */
  #shown: GroundRules | undefined;

  constructor(private readonly ask: Ask) {}

  get due(): GroundRules | undefined {
    return this.#due;
  }

  handleRules(rules: GroundRules): void {
    this.#due = rules;
    this.#shown = rules;
  }

  /** Whether there was something to agree to. */
  async accept(): Promise<boolean> {
    if (!this.#due) return false;
    const { version, hash } = this.#due;
    await this.ask({ type: 'accept_ground_rules', version, hash });
    this.#due = undefined;
    return true;
  }

  /** The present ones, to be shown to whoever joins at this device. */
  async present(): Promise<GroundRules> {
    if (!this.#shown) {
      // After a reload the page does not know them any more. Agreeing to no text brings the text.
      await this.ask({ type: 'accept_ground_rules', version: 0, hash: '' }).catch(() => undefined);
      this.#due = undefined;
    }
    if (!this.#shown) throw new Refusal('not_possible', 'The ground rules cannot be shown right now.');
    return this.#shown;
  }
}
