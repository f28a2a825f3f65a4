import type { Credential } from './generated/protocol';

/** Where one was: enough to come back after a reload. With that of a call, all that is kept in the browser, and in this tab alone. */
export interface Place {
  readonly room: string;
  readonly credential: Exclude<Credential, { type: 'ticket' }>;
}

const KEY = 'hearth.place';
const CALL = 'hearth.again';

export function keepPlace(storage: Storage, place: Place): void {
  storage.setItem(KEY, JSON.stringify(place));
}

export function forgetPlace(storage: Storage): void {
  storage.removeItem(KEY);
  forgetCall(storage);
}

export function keptPlace(storage: Storage): Place | undefined {
  const kept = storage.getItem(KEY);
  return kept === null ? undefined : (JSON.parse(kept) as Place);
}

/** That one called for help and is not sure yet that it arrived. No more than that, under a name that tells nobody. */
export function keepCall(storage: Storage): void {
  storage.setItem(CALL, '');
}

export function forgetCall(storage: Storage): void {
  storage.removeItem(CALL);
}

export function hasCall(storage: Storage): boolean {
  return storage.getItem(CALL) !== null;
}
