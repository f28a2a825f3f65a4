import type { Credential } from './generated/protocol';

/** Where one was: enough to come back after a reload. With what stands below, all that is kept in the browser, and in this tab alone. */
export interface Place {
  readonly room: string;
  readonly credential: Exclude<Credential, { type: 'ticket' }>;
}

const KEY = 'hearth.place';
const CALL = 'hearth.again';
const LINE = 'hearth.line';

export function keepPlace(storage: Storage, place: Place): void {
  storage.setItem(KEY, JSON.stringify(place));
}

export function forgetPlace(storage: Storage): void {
  storage.removeItem(KEY);
  storage.removeItem(LINE);
  forgetCall(storage);
}

export function keptPlace(storage: Storage): Place | undefined {
  const kept = storage.getItem(KEY);
  return kept === null ? undefined : (JSON.parse(kept) as Place);
}

/** Where to find help at once, as the room has it: kept by everybody, so that it says nothing of who called. */
export function keepLine(storage: Storage, line: string): void {
  storage.setItem(LINE, line);
}

export function keptLine(storage: Storage): string {
  return storage.getItem(LINE) ?? '';
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
