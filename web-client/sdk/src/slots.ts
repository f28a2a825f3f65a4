import type { ParticipantId, Slot, SlotSource, Source, Tile as Shown } from './generated/protocol';
import type { Line } from './connection';
import { Tile } from './tile';

/** A place on the page for one participant's picture. */
export interface Picture {
  readonly participant: ParticipantId;
  readonly source: Exclude<Source, 'microphone'>;
  /** Higher is more important when there are more pictures than the connection carries. 0 where left out. */
  readonly priority?: number;
  /** Called whenever the picture appears or disappears: draw something calm in its place meanwhile. */
  readonly onShown?: (shown: boolean) => void;
}

const NOTHING = '[]';

/** Which media line carries whom, and which element shows whom. */
export class Slots {
  readonly #carried = new Map<string, SlotSource>();
  readonly #receivers = new Map<string, RTCRtpReceiver>();
  readonly #tiles = new Set<Tile>();
  #told = NOTHING;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #toldAt = -Infinity;

  /** `tell` sends a view message; at most one in `pause` milliseconds, the last one wins. */
  constructor(
    private readonly tell: (tiles: Shown[]) => void,
    private readonly pause: number,
    private readonly now: () => number,
  ) {}

  handleSlot(slot: Slot): void {
    if (slot.carries) this.#carried.set(slot.mid, slot.carries);
    else this.#carried.delete(slot.mid);
    this.#arrange();
  }

  handleLines(lines: readonly Line[]): void {
    for (const { mid, receiver } of lines) this.#receivers.set(mid, receiver);
    this.#arrange();
  }

  /** All lines are gone with their connection. */
  handleGone(): void {
    this.#carried.clear();
    this.#receivers.clear();
    this.#arrange();
  }

  /** The server does not know what is shown here (any more). */
  tellAgain(): void {
    // As long as nothing is shown yet, the server chooses: the first picture comes sooner.
    if (this.#told === NOTHING) return;
    this.#told = '';
    this.#tellSoon();
  }

  show(element: HTMLVideoElement, picture: Picture): () => void {
    const tile = new Tile(element, picture, () => this.#tellSoon());
    this.#tiles.add(tile);
    this.#arrange();
    this.#tellSoon();
    return () => {
      this.#tiles.delete(tile);
      tile.close();
      this.#tellSoon();
    };
  }

  close(): void {
    clearTimeout(this.#timer);
    this.handleGone();
  }

  #arrange(): void {
    for (const tile of this.#tiles) {
      const { participant, source } = tile.picture;
      const line = [...this.#carried].find(([, it]) => it.participant === participant && it.source === source);
      const receiver = line && this.#receivers.get(line[0]);
      tile.carry(receiver && { receiver, fromTimestamp: line[1].from_timestamp });
    }
  }

  /** After whatever else changes on the page in this moment. */
  #tellSoon(): void {
    this.#timer ??= setTimeout(() => this.#tellNow(), Math.max(0, this.#toldAt + this.pause - this.now()));
  }

  #tellNow(): void {
    this.#timer = undefined;
    const tiles = this.#view();
    const told = JSON.stringify(tiles);
    if (told === this.#told) return;
    this.#told = told;
    this.#toldAt = this.now();
    this.tell(tiles);
  }

  /** Most important first. */
  #view(): Shown[] {
    return [...this.#tiles]
      .map(({ picture, height }) => ({ picture, height }))
      .sort((a, b) => (b.picture.priority ?? 0) - (a.picture.priority ?? 0) || b.height - a.height)
      .map(({ picture: { participant, source }, height }) => ({ participant, source, height }));
  }
}
