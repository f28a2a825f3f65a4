/**
 * One session as the pages see it: what the SDK tells, as runes, and nothing of its own besides what stands on this screen.
 */
import type { Session } from '@hearth/sdk';
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import {
  Refusal,
  type Calling,
  type DoorSignal,
  type GroundRules,
  type Link,
  type MediaState,
  type OwnSources,
  type MessageId,
  type OwnSignal,
  type Participant,
  type ParticipantId,
  type Phase,
  type Reaction,
  type ScaleResult,
  type Signal,
  type View,
} from '@hearth/sdk';
import { EMERGENCY } from './words';

const REACTION_MS = 5_000;
const MILESTONE_MS = 20_000;

interface Milestone {
  readonly id: number;
  readonly alias: string;
  readonly text: string;
}

export class Meeting {
  readonly session: Session;
  phase = $state.raw<Phase>({ name: 'idle' });
  view = $state.raw<View | undefined>(undefined);
  own = $state.raw<OwnSources>() as OwnSources;
  /** The calls for help that a facilitator sees who stands by, while the server cannot keep its record. */
  standby = $state.raw<readonly Signal[]>();
  media = $state.raw<MediaState>('none');
  soundBlocked = $state(false);
  /** Somebody knocked with this person's link from another device. */
  newDevice = $state(false);
  /** The reminder of confidentiality is due. */
  confidentiality = $state(false);
  /** Something touched the group's confidentiality, and is being dealt with. */
  breach = $state(false);
  /** That one was lent a part of the desk has been read. */
  helpSeen = $state(false);
  /** A turn that stops by itself is nearly over. */
  turnEndsSoon = $state(false);
  /** Where one's own signal for help stands. */
  signal = $state.raw<DoorSignal | OwnSignal>();
  /** Whether a call for help is still on its way, or may not have come through. */
  calling = $state.raw<Calling>();
  /** The facilitators are to know that somebody may be watching. */
  watched = $state(false);
  newRules = $state.raw<GroundRules>();
  scaleResult = $state.raw<ScaleResult>();
  milestones = $state.raw<readonly Milestone[]>([]);
  /** The messages that this person has seen. Their ids say nothing about their order. */
  readonly read = new SvelteSet<MessageId>();
  /** What this person has given for the session, so that it is not asked twice. */
  rated = $state<number>();
  /** One plain sentence on the last thing that was not carried out. */
  refusal = $state<string>();
  /** What somebody shows for a moment. */
  readonly reactions = new SvelteMap<ParticipantId, Reaction>();
  /** The question to unmute that this person has put aside, by its time. */
  asideUntil = $state<number>();
  /** The session's clock, moving on once a second. */
  now = $state(0);

  #ends: (() => void)[] = [];
  #milestone = 0;

  constructor(session: Session) {
    this.session = session;
    this.phase = session.phase;
    this.view = session.view;
    this.own = session.own;
    this.standby = session.standby;
    this.media = session.media;
    this.soundBlocked = session.soundBlocked;
    this.signal = session.help.signal;
    this.calling = session.help.calling;
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
      session.on('standby', (signals) => (this.standby = signals)),
      session.on('media', (media) => (this.media = media)),
      session.on('soundBlocked', (blocked) => (this.soundBlocked = blocked)),
      session.on('reaction', ({ participant, reaction }) => this.#react(participant, reaction)),
      session.help.on('change', () => {
        this.signal = session.help.signal;
        this.calling = session.help.calling;
        this.watched = session.help.watched;
      }),
      session.on('newRules', (rules) => (this.newRules = rules)),
      session.on('scaleResult', (result) => (this.scaleResult = result)),
      session.on('milestone', ({ participant, text }) => this.#celebrate(participant, text)),
      session.on('notice', (notice) => {
        switch (notice) {
          case 'new_device':
            this.newDevice = true;
            break;
          case 'confidentiality':
            this.confidentiality = true;
            break;
          case 'breach':
            this.breach = true;
            break;
          case 'turn_ends_soon':
            this.turnEndsSoon = true;
            break;
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

  #celebrate(participant: ParticipantId, text: string): void {
    const milestone = { id: this.#milestone++, alias: this.alias(participant), text };
    this.milestones = [...this.milestones, milestone];
    setTimeout(() => (this.milestones = this.milestones.filter((other) => other !== milestone)), MILESTONE_MS);
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

  /** Who sits at this device: oneself, and whoever shares it. */
  readonly here = $derived.by(() => {
    const me = this.view?.you.participant;
    return (
      this.view?.participants.filter(({ id, device }) => id === me || (device !== undefined && device === me)) ?? []
    );
  });

  /** Where to find help at once: as the room has it, where this page knows. */
  readonly crisisLine = $derived.by(() => {
    const { signal, view } = this;
    return (
      (signal && 'crisis_line' in signal ? signal.crisis_line : (view?.room.crisis_line ?? this.session.crisisLine)) ||
      EMERGENCY
    );
  });

  /** A call for help that nobody has answered, as far as this page knows. */
  readonly needsSomebody = $derived(
    this.calling !== undefined || (this.signal !== undefined && this.signal.state !== 'answered'),
  );

  readonly unread = $derived.by(() => {
    const me = this.view?.you.participant;
    return this.view?.messages.filter(({ id, from }) => !this.read.has(id) && from !== me).length ?? 0;
  });

  readonly self = $derived.by(() => {
    const view = this.view;
    return view?.participants.find(({ id }) => id === view.you.participant);
  });
}
