import type { AsideId, ParticipantId } from './generated/protocol';
import type { Ask } from './requests';

/** Smaller spaces beside the room. Nobody is heard or seen from one space to another. */
export interface Asides {
  /** Each group into an aside of its own; without `seconds` until recalled. */
  open(groups: readonly (readonly ParticipantId[])[], seconds?: number): Promise<void>;
  /** Untimed, with the facilitator who asks; goes on in a freeze and a hold. */
  openCrisis(participant: ParticipantId): Promise<void>;
  /** Into an aside, or without one back to the room. */
  move(participant: ParticipantId, aside?: AsideId): Promise<void>;
  /** Back to the room after a countdown that everyone there sees; without an aside from all of them. */
  recall(seconds: number, aside?: AsideId): Promise<void>;
  /** These two are never in one aside. */
  keepApart(one: ParticipantId, other: ParticipantId, apart: boolean): Promise<void>;
}

export function asides(ask: Ask): Asides {
  return {
    open: async (groups, seconds) => {
      const listed = groups.map((group) => [...group]);
      await ask({ type: 'open_asides', groups: listed, ...(seconds === undefined ? {} : { seconds }) });
    },
    openCrisis: async (participant) => void (await ask({ type: 'open_crisis_aside', participant })),
    move: async (participant, aside) => {
      await ask({ type: 'move', participant, ...(aside === undefined ? {} : { aside }) });
    },
    recall: async (seconds, aside) => {
      await ask({ type: 'recall', seconds, ...(aside === undefined ? {} : { aside }) });
    },
    keepApart: async (one, other, apart) => void (await ask({ type: 'keep_apart', one, other, apart })),
  };
}
