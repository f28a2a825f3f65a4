/** The session's clock, as far as it can be told from here. The answer with the shortest way there and back counts. */
export class Clock {
  #offset = 0;
  #best = Infinity;

  constructor(private readonly local: () => number) {}

  now(): number {
    return this.local() + this.#offset;
  }

  /** A new view of the room: the clock stood still while the server was down, so what was known before counts no more. */
  handleSnapshot(now: number): void {
    this.#offset = now - this.local();
    this.#best = Infinity;
  }

  handlePong(now: number, sent: number): void {
    const roundTrip = this.local() - sent;
    if (roundTrip > this.#best) return;
    this.#best = roundTrip;
    this.#offset = now + roundTrip / 2 - this.local();
  }
}
