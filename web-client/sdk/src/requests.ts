import type { Outcome, Request, RequestId } from './generated/protocol';
import { Refusal } from './refusal';

/** Carries a request to the room; resolves with what it brought, where that is more than `ok`. */
export type Ask = (request: Request) => Promise<Outcome | undefined>;

interface Pending {
  readonly request: Request;
  readonly again: boolean;
  readonly timer: ReturnType<typeof setTimeout>;
  resolve(outcome: Outcome | undefined): void;
  reject(refusal: Refusal): void;
}

const OUT_OF_REACH = 'The connection was lost for a moment, so this may not have been done. Please try again.';
const OVER = 'You are not in the session any more.';

/**
 * What was asked and is not answered yet. A request outlives its connection: it is sent again with the same id after coming back,
 * and the room carries it out once.
 */
export class Requests {
  readonly #pending = new Map<RequestId, Pending>();
  /** No two pages of one person give the same id, nor does one page before and after a reload. */
  readonly #page = crypto.getRandomValues(new Uint32Array(2)).join('-');
  #count = 0;

  constructor(private readonly patience: number) {}

  /** `again`: whether it still means something on another connection. */
  add(request: Request, again: boolean): { id: RequestId; answer: Promise<Outcome | undefined> } {
    const id = `${this.#page}-${this.#count++}`;
    const answer = new Promise<Outcome | undefined>((resolve, reject) => {
      const timer = setTimeout(() => this.refuse(id, new Refusal('unreachable', OUT_OF_REACH)), this.patience);
      this.#pending.set(id, { request, again, timer, resolve, reject });
    });
    return { id, answer };
  }

  resolve(id: RequestId, outcome: Outcome | undefined): void {
    this.#take(id)?.resolve(outcome);
  }

  refuse(id: RequestId, refusal: Refusal): void {
    this.#take(id)?.reject(refusal);
  }

  /** The connection is gone. */
  handleLost(): void {
    for (const [id, { again }] of this.#pending) if (!again) this.refuse(id, new Refusal('unreachable', OUT_OF_REACH));
  }

  handleClosed(): void {
    for (const id of [...this.#pending.keys()]) this.refuse(id, new Refusal('closed', OVER));
  }

  unanswered(): { id: RequestId; request: Request }[] {
    return [...this.#pending].map(([id, { request }]) => ({ id, request }));
  }

  #take(id: RequestId): Pending | undefined {
    const pending = this.#pending.get(id);
    if (!pending) return undefined;
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    return pending;
  }
}
