import type { BreachCode, Level, ParticipantId, SignalId } from './generated/protocol';
import type { Ask } from './requests';

/** What keeps the group safe, and what is done when it is not. */
export interface Safety {
  /** Answers a private signal; the first answer is a private text. */
  answerSignal(signal: SignalId, text?: string): Promise<void>;
  /** Freezes, removes who is named, and tells the group in neutral words. */
  breach(code: BreachCode, participant?: ParticipantId): Promise<void>;
  /** The gentle form of a freeze: it ends by itself. */
  pause(seconds: number): Promise<void>;
  endPause(): Promise<void>;
  /** How much somebody, or without a name any member, may take part at most. */
  setCeiling(level: Level, participant?: ParticipantId): Promise<void>;
}

export function safety(ask: Ask): Safety {
  return {
    answerSignal: async (signal, text) => {
      await ask({ type: 'answer_signal', signal, ...(text === undefined ? {} : { text }) });
    },
    breach: async (code, participant) => {
      await ask({ type: 'breach', code, ...(participant === undefined ? {} : { participant }) });
    },
    pause: async (seconds) => void (await ask({ type: 'break', seconds })),
    endPause: async () => void (await ask({ type: 'end_break' })),
    setCeiling: async (level, participant) => {
      await ask({ type: 'set_ceiling', level, ...(participant === undefined ? {} : { participant }) });
    },
  };
}
