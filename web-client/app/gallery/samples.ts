/** Rooms to look at. Nothing here leaves the gallery. */
import type { Devices } from '@hearth/sdk';
import { type Message, type OwnSource, type Participant, type Phase, type Session, type View } from '@hearth/sdk';
import { Meeting } from '../src/meeting.svelte';

const NAMES = [
  'Robin',
  'Sam',
  'Kim',
  'Alex',
  'Noor',
  'Jo',
  'Wren',
  'Ezra',
  'Marguerite',
  'Lee',
  'Ash',
  'Dara',
  'Bo',
  'Tove',
  'Ines',
  'Mika',
  'Yael',
  'Otis',
  'Remy',
  'Zoe',
];

export const RULES = {
  version: 1,
  hash: '',
  rules: [
    'What is said here stays here. Who is here stays here.',
    'Please be alone in a room where nobody can listen in, or use headphones.',
    'Nobody records, photographs or shares anything of this group.',
    'One person speaks at a time. You may always pass.',
    'We speak about ourselves, and listen without judging.',
    'If it gets too much, tell the facilitator, or take a break.',
  ],
};

interface Sample {
  people?: number;
  round?: 'mine' | 'other';
  hand?: number;
  frozen?: boolean;
  hold?: boolean;
  muted?: boolean;
  ending?: boolean;
  locked?: boolean;
  knocks?: number;
}

function people(count: number, sample: Sample): Participant[] {
  return Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    alias: NAMES[index] ?? `Member ${index}`,
    role: index === 0 ? 'facilitator' : index === 8 ? 'cofacilitator' : index === 7 ? 'observer' : 'member',
    lead: index === 0,
    helper: false,
    takes_feedback: false,
    open: { microphone: index % 3 === 0 && !sample.frozen, camera: false, screen: false },
    ...(index === 4 ? { hand: { kind: 'speak', place: 1, since: 0 } } : {}),
    ...(index === 1 && sample.hand ? { hand: { kind: 'speak', place: sample.hand, since: 0 } } : {}),
  }));
}

export function asMember(sample: Sample = {}): View {
  const participants = people(sample.people ?? 9, sample);
  const speaker = {
    participant: sample.round === 'mine' ? 2 : 3,
    since: NOW - 60_000,
    until: NOW + 62_000,
    stops: false,
  };
  return {
    you: {
      participant: 2,
      media_generation: 1,
      publish: ['microphone', 'camera'],
      gates: {
        microphone: sample.muted ? ['self', 'facilitator'] : sample.frozen ? ['self', 'freeze'] : ['self'],
        camera: sample.frozen ? ['self', 'freeze'] : ['self'],
        screen: ['self'],
      },
      ...(sample.hand ? { hand: { kind: 'speak', place: sample.hand, since: 0 } } : {}),
      lead_offered: false,
      open_on_turn: false,
      level: 'video',
      ceiling: 'video',
      not_alone: false,
      takes_feedback: false,
    },
    participants,
    room: {
      title: 'Tuesday evening group',
      locked: sample.locked ?? true,
      ...(sample.frozen ? { frozen: { since: NOW, by: 1, thawed: [] } } : {}),
      ...(sample.hold ? { hold: { since: NOW, ends_at: NOW + 26 * 60_000, may_resume: true } } : {}),
      ...(sample.ending ? { ends_at: NOW + 95_000 } : {}),
      epoch: 1,
      crisis_line: '988 (call or text, day and night)',
      format: 'Support circle',
      chat: 'room',
      reactions: 'all',
      hands: 'fifo',
      asides: [],
      care_moment: false,
    },
    floor: sample.round
      ? {
          mode: 'round',
          speakers: [speaker],
          round: { next: sample.round === 'mine' ? [4, 5, 6] : [4, 2, 5, 6], paused: false },
        }
      : { mode: sample.hand ? 'hands' : 'open', speakers: [] },
    desk: undefined,
    speaking: sample.frozen || sample.hold ? [] : sample.round === 'mine' ? [] : [3],
    messages: [],
  };
}

export function asFacilitator(sample: Sample = {}): View {
  const view = asMember({ locked: false, ...sample });
  const knocks = Array.from({ length: sample.knocks ?? 2 }, (_, index) => ({
    id: index + 1,
    alias: ['Pat', 'Sol'][index] ?? 'Uma',
    role: 'member' as const,
    new_device: index === 1,
    since: NOW,
    quiet: false,
    needs_through_lock: sample.locked ?? false,
  }));
  return {
    ...view,
    you: { ...view.you, participant: 1, gates: { microphone: [], camera: [], screen: ['self'] } },
    desk: {
      knocks,
      knocks_version: 1,
      gates: view.participants.map(({ id, open }) => ({
        participant: id,
        gates: {
          microphone: open.microphone ? [] : id === 6 ? ['self', 'facilitator'] : ['self'],
          camera: ['self'],
          screen: ['self'],
        },
        level: 'video',
        ceiling: 'video',
      })),
      away: sample.people === 1 ? [] : [{ participant: 30, alias: 'Vic', how: 'dropped', since: NOW - 70_000 }],
      removed: sample.people === 1 ? [] : [{ participant: 31, alias: 'Quinn' }],
      denied: [{ knock: 9, alias: 'Tess' }],
      seats: view.participants.length,
      capacity: 12,
      signals: [],
      kept_apart: [],
      heard: [],
      not_heard: [],
      ratings: [],
      agenda: [],
      formats: [],
    },
  };
}

/** A view in which some things of the room are different. */
export function inRoom(view: View, room: Partial<View['room']>): View {
  return { ...view, room: { ...view.room, ...room } };
}

export function withDesk(view: View, desk: Partial<NonNullable<View['desk']>>): View {
  return view.desk ? { ...view, desk: { ...view.desk, ...desk } } : view;
}

/** Two and three in small rooms; the fourth of them may be oneself. */
export function inAsides(view: View): View {
  const aside = new Map([
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
  ]);
  const participants = view.participants.map((who) => {
    const id = aside.get(who.id);
    return id === undefined ? who : { ...who, aside: id };
  });
  return inRoom({ ...view, participants }, { asides: [{ id: 1, ends_at: NOW + 400_000 }, { id: 2 }] });
}

export function written(view: View): View {
  const said = (
    id: number,
    from: number,
    text: string,
    to: Message['to'] = { type: 'room' },
    kind: Message['kind'] = 'chat',
  ) => ({
    id,
    from,
    to,
    kind,
    text,
    at: NOW,
  });
  return {
    ...view,
    messages: [
      said(1, 1, 'Good evening, everybody. Take the seat that you like.'),
      said(2, 3, 'Glad to be here. It was a long week.'),
      said(3, 2, 'Me too.'),
      said(
        4,
        4,
        'I would rather write today: I was at my sister’s, and we talked for the first time.',
        { type: 'room' },
        'turn',
      ),
      said(5, 2, 'May I go last today?', { type: 'facilitators' }),
      said(6, 1, 'Of course. I have you last.', { type: 'participant', participant: 2 }, 'answer'),
    ],
  };
}

export const NOW = 1_800_000;

interface Change {
  phase?: Phase;
  refusal?: string;
  media?: Meeting['media'];
  standby?: Meeting['standby'];
  newDevice?: boolean;
  signal?: Meeting['signal'];
  calling?: Meeting['calling'];
  breach?: boolean;
  scaleResult?: Meeting['scaleResult'];
  newRules?: Meeting['newRules'];
}

/** Takes every call, however deep, and does nothing. */
function anything(): object {
  return new Proxy(() => Promise.resolve(), { get: (_target, name) => (name === 'then' ? undefined : anything()) });
}

export function meeting(view: View | undefined, change: Change, devices: Devices): Meeting {
  const held = (reasons: readonly string[] = []): OwnSource =>
    ({
      on: view !== undefined && reasons.length === 0,
      busy: false,
      heldBy: reasons.filter((reason) => reason !== 'self'),
    }) as OwnSource;
  const nothing = () => Promise.resolve();
  const session = {
    devices,
    desk: anything(),
    chat: anything(),
    help: { on: () => () => undefined },
    mine: anything(),
    phase: change.phase ?? { name: 'seated' },
    view,
    own: {
      microphone: held(view?.you.gates.microphone),
      camera: held(view?.you.gates.camera),
      screen: held(view?.you.gates.screen),
    },
    media: change.media ?? 'connected',
    standby: change.standby,
    soundBlocked: false,
    now: () => NOW,
    on: () => () => undefined,
    show: () => () => undefined,
    setMicrophone: nothing,
    setCamera: nothing,
    raiseHand: nothing,
    lowerHand: nothing,
    leave: nothing,
  } as unknown as Session;
  const sample = new Meeting(session);
  sample.signal = change.signal;
  sample.calling = change.calling;
  sample.breach = change.breach ?? false;
  sample.scaleResult = change.scaleResult;
  sample.newRules = change.newRules;
  if (change.refusal) sample.refusal = change.refusal;
  if (change.newDevice) sample.newDevice = true;
  return sample;
}
