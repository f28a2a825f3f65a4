import type { Prompt } from './generated/protocol';
import type { Ask } from './requests';

/** What everyone is given to do: a card, a timer, a question from 0 to 10, a moment of care. */
export interface Exercises {
  showPrompt(prompt: Prompt): Promise<void>;
  hidePrompt(): Promise<void>;
  /** Gentle: nothing happens when it is over. */
  startTimer(seconds: number, label: string): Promise<void>;
  stopTimer(): Promise<void>;
  openScale(question: string): Promise<void>;
  /** And shows the result: to all only where enough answered. */
  closeScale(): Promise<void>;
  /** Only `with_you` remains of the reactions, and timers disappear. */
  careMoment(on: boolean): Promise<void>;
}

export function exercises(ask: Ask): Exercises {
  return {
    showPrompt: async (prompt) => void (await ask({ type: 'show_prompt', prompt })),
    hidePrompt: async () => void (await ask({ type: 'show_prompt' })),
    startTimer: async (seconds, label) => void (await ask({ type: 'start_timer', seconds, label })),
    stopTimer: async () => void (await ask({ type: 'stop_timer' })),
    openScale: async (question) => void (await ask({ type: 'open_scale', question })),
    closeScale: async () => void (await ask({ type: 'close_scale' })),
    careMoment: async (on) => void (await ask({ type: 'care_moment', on })),
  };
}
