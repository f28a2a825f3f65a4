/**
 * One session as the pages see it: what the SDK tells, as runes, and nothing of its own besides what stands on this screen.
 */
import type { Session } from '@hearth/sdk';
import { SvelteMap } from 'svelte/reactivity';
import {
  Refusal,
  type Link,
  type MediaState,
  type OwnSources,
  type Participant,
  type ParticipantId,
  type Phase,
  type Reaction,
  type View,
} from '@hearth/sdk';

const REACTION_MS = 5_000;

export class Meeting {
  readonly session: Session;
  phase = $state.raw<Phase>({ name: 'idle' });
  view = $state.raw<View | undefined>(undefined);
  own = $state.raw<OwnSources>() as OwnSources;
  media = $state.raw<MediaState>('none');
  soundBlocked = $state(false);
  /** Somebody knocked with this person's link from another device. */
  newDevice = $state(false);
  /** The reminder of confidentiality is due. */
  confidentiality = $state(false);
  /** One plain sentence on the last thing that was not carried out. */
  refusal = $state<string>();
  /** What somebody shows for a moment. */
  readonly reactions = new SvelteMap<ParticipantId, Reaction>();
  /** The question to unmute that this person has put aside, by its time. */
  asideUntil = $state<number>();
  /** The session's clock, moving on once a second. */
  now = $state(0);

  #ends: (() => void)[] = [];

  constructor(session: Session) {
    this.session = session;
    this.phase = session.phase;
    this.view = session.view;
    this.own = session.own;
    this.media = session.media;
    this.soundBlocked = session.soundBlocked;
    this.now = session.now();
    const beat = setInterval(() => (this.now = session.now()), 1000);
    this.#ends = [
      () => clearInterval(beat),
      session.on('phase', (phase) => (this.phase = phase)),
      session.on('view', (view) => {
        this.view = view;
        this.now = session.now();
      }),
      session.on('own', (own) => (this.own = own)),
      session.on('media', (media) => (this.media = media)),
      session.on('soundBlocked', (blocked) => (this.soundBlocked = blocked)),
      session.on('reaction', ({ participant, reaction }) => this.#react(participant, reaction)),
      session.on('notice', (notice) => {
        switch (notice) {
          case 'new_device':
            this.newDevice = true;
            break;
          case 'confidentiality':
            this.confidentiality = true;
            break;
          case 'breach':
          case 'turn_ends_soon':
          case 'recalled':
            break;
        }
      }),
    ];
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  #react(participant: ParticipantId, reaction: Reaction): void {
    this.reactions.set(participant, reaction);
    setTimeout(() => this.reactions.delete(participant), REACTION_MS);
  }

  /** Carries out what a person asked for; a refusal becomes a sentence on the screen. */
  act = async (action: () => Promise<unknown>): Promise<boolean> => {
    this.refusal = undefined;
    try {
      await action();
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.refusal = error.message;
      return false;
    }
  };

  join(link: Link): Promise<boolean> {
    return this.act(() => this.session.join(link));
  }

  participant(id: ParticipantId): Participant | undefined {
    return this.view?.participants.find((participant) => participant.id === id);
  }

  alias(id: ParticipantId): string {
    return this.participant(id)?.alias ?? 'Somebody';
  }

  readonly self = $derived.by(() => {
    const view = this.view;
    return view?.participants.find(({ id }) => id === view.you.participant);
  });
}
