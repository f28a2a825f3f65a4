import type { Audience, MessageId } from './generated/protocol';
import type { Ask } from './requests';

/** What is written. It lives in memory alone, here and on the server. */
export interface Chat {
  say(text: string, to?: Audience): Promise<void>;
  /** One's turn, taken in writing: shown to all, even while the chat is closed. */
  sayTurn(text: string): Promise<void>;
  /** Takes a message away for everyone: one's own, and as a facilitator anybody's. */
  unsay(message: MessageId): Promise<void>;
}

export function chat(ask: Ask): Chat {
  return {
    say: async (text, to = { type: 'room' }) => void (await ask({ type: 'say', to, text })),
    sayTurn: async (text) => void (await ask({ type: 'say_turn', text })),
    unsay: async (message) => void (await ask({ type: 'unsay', message })),
  };
}
