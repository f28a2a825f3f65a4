import type { Credential } from './generated/protocol';

/** Where one was: enough to come back after a reload. The only thing that is kept in the browser, and in this tab alone. */
export interface Place {
  readonly room: string;
  readonly credential: Exclude<Credential, { type: 'ticket' }>;
}

const KEY = 'hearth.place';

export function keepPlace(storage: Storage, place: Place): void {
  storage.setItem(KEY, JSON.stringify(place));
}

export function forgetPlace(storage: Storage): void {
  storage.removeItem(KEY);
}

export function keptPlace(storage: Storage): Place | undefined {
  const kept = storage.getItem(KEY);
  return kept === null ? undefined : (JSON.parse(kept) as Place);
}
