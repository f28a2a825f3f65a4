import type { Ask } from './requests';

/** Private signals to the facilitators, from the door on. Nobody else can tell that there was one. */
export interface Help {
  /** Never refused, frozen or on hold. Where it stands comes as `signal`. */
  distress(): Promise<void>;
  /** Somebody may be watching this screen; or not any more. */
  notAlone(on: boolean): Promise<void>;
}

export function help(ask: Ask): Help {
  return {
    distress: async () => void (await ask({ type: 'distress' })),
    notAlone: async (on) => void (await ask({ type: 'not_alone', on })),
  };
}
