import type { ParticipantId } from './generated/protocol';
import type { Ask } from './requests';

/** The record of who was here, and for how long. */
export interface Attendance {
  attest(): Promise<void>;
  /** Appends a correction; nothing is written over. `note`: why, in a few words. */
  correct(participant: ParticipantId, minutes: number, note: string): Promise<void>;
}

export function attendance(ask: Ask): Attendance {
  return {
    attest: async () => void (await ask({ type: 'attest_attendance' })),
    correct: async (participant, minutes, note) => {
      await ask({ type: 'correct_attendance', participant, minutes, note });
    },
  };
}
