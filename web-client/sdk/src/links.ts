import { Refusal } from './refusal';

/** What a personal link is redeemed for: opens the door of one room once. */
export interface Ticket {
  readonly room: string;
  readonly ticket: string;
  /** Where to find help at once; the page may lose its line before anybody could tell. */
  readonly crisis_line?: string;
}

/**
 * Reads the secret of a personal link from the fragment, and erases it from the address and the history at once.
 * Undefined: the address is not a personal link.
 */
export function takeLink(page: Pick<Window, 'location' | 'history'> = window): Link | undefined {
  const { hash, pathname, search, origin } = page.location;
  const secret = hash.slice(1);
  if (secret === '') return undefined;
  page.history.replaceState(page.history.state, '', pathname + search);
  return new Link(secret, origin);
}

/** A personal link that somebody typed or pasted; undefined: it is none of this server's. */
export function linkFrom(address: string, origin: string = location.origin): Link | undefined {
  const url = URL.parse(address.trim());
  if (url?.origin !== origin || url.hash.length < 2) return undefined;
  return new Link(url.hash.slice(1), origin);
}

/** One person's way in. Worth a seat: kept in memory alone. */
export class Link {
  readonly #secret: string;
  readonly #origin: string;

  constructor(secret: string, origin: string) {
    this.#secret = secret;
    this.#origin = origin;
  }

  /** To be called on the person's own click: link previews must not use a link up. */
  async redeem(): Promise<Ticket> {
    const answer = await fetch(`${this.#origin}/v1/links/redeem`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ secret: this.#secret }),
      credentials: 'same-origin',
      referrerPolicy: 'no-referrer',
      cache: 'no-store',
    }).catch(() => {
      throw new Refusal(
        'unreachable',
        'The server cannot be reached right now. Please check your connection and try again.',
      );
    });
    if (!answer.ok) throw await refused(answer);
    return (await answer.json()) as Ticket;
  }
}

async function refused(answer: Response): Promise<Refusal> {
  if (answer.status >= 500)
    return new Refusal('unreachable', 'The server cannot answer right now. Please try again in a moment.');
  const told: unknown = await answer.json().catch(() => undefined);
  const message =
    typeof told === 'object' && told !== null && 'message' in told && typeof told.message === 'string'
      ? told.message
      : 'This link cannot be used here. Please ask for a new one.';
  return new Refusal(answer.status === 429 ? 'too_fast' : 'bad_link', message);
}
