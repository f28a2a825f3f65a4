import type { Export, ParticipantId } from './generated/protocol';
import { Refusal } from './refusal';
import type { Ask } from './requests';

/** What belongs to one person of this session, and to nobody else. */
export interface Mine {
  /** A private answer to the scale that is open; `named`: the facilitator may know whose it is. */
  answerScale(value: number, named?: boolean): Promise<void>;
  /** Told to everyone once, and counted nowhere. */
  milestone(text: string): Promise<void>;
  /** One's own line for this session; `shared`: the others may read it. */
  setGoal(text: string, shared: boolean): Promise<void>;
  dropGoal(): Promise<void>;
  takeFeedback(on: boolean): Promise<void>;
  /** To somebody who opted in, while the group gives feedback. */
  giveFeedback(participant: ParticipantId, text: string): Promise<void>;
  /** How the session was, from 0 to 10. */
  rate(value: number): Promise<void>;
  export(): Promise<Export>;
}

export function mine(ask: Ask): Mine {
  return {
    answerScale: async (value, named = false) => void (await ask({ type: 'answer_scale', value, named })),
    milestone: async (text) => void (await ask({ type: 'milestone', text })),
    setGoal: async (text, shared) => void (await ask({ type: 'set_goal', text, shared })),
    dropGoal: async () => void (await ask({ type: 'set_goal', shared: false })),
    takeFeedback: async (on) => void (await ask({ type: 'take_feedback', on })),
    giveFeedback: async (participant, text) => void (await ask({ type: 'give_feedback', participant, text })),
    rate: async (value) => void (await ask({ type: 'rate', value })),
    export: async () => {
      const outcome = await ask({ type: 'export' });
      if (outcome?.type !== 'export') throw new Refusal('not_possible', 'There is nothing to take along yet.');
      const { type: _type, ...own } = outcome;
      return own;
    },
  };
}
