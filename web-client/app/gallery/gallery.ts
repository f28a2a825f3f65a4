/** For looking at every page and state while one works on them: `/gallery/?state=room`. Not part of what is built. */
import '../src/theme.css';
import { Devices, Link } from '@hearth/sdk';
import { mount } from 'svelte';
import NoLink from '../src/door/NoLink.svelte';
import Moment from '../src/door/Moment.svelte';
import Rules from '../src/door/Rules.svelte';
import StandBy from '../src/door/StandBy.svelte';
import Waiting from '../src/door/Waiting.svelte';
import Welcome from '../src/door/Welcome.svelte';
import Farewell from '../src/Farewell.svelte';
import Room from '../src/room/Room.svelte';
import { asFacilitator, asMember, inAsides, inRoom, meeting, NOW, RULES, withDesk, written } from './samples';

const target = document.body;
const state = new URLSearchParams(location.search).get('state') ?? 'room';
const devices = new Devices();

function room(view = asMember(), change: Parameters<typeof meeting>[1] = {}): void {
  mount(Room, { target, props: { meeting: meeting(view, change, devices), view } });
}

function standBy(standby: Parameters<typeof meeting>[1]['standby']): void {
  mount(StandBy, {
    target,
    props: { meeting: meeting(undefined, { phase: { name: 'standing_by' }, standby }, devices) },
  });
}

const STATES: Record<string, () => void> = {
  nolink: () => mount(NoLink, { target }),
  welcome: () =>
    mount(Welcome, {
      target,
      props: { meeting: meeting(undefined, {}, devices), joining: false, onjoin() {}, onreturn: undefined },
    }),
  rules: () =>
    mount(Rules, {
      target,
      props: { meeting: meeting(undefined, { phase: { name: 'ground_rules', rules: RULES } }, devices) },
    }),
  waiting: () =>
    mount(Waiting, { target, props: { meeting: meeting(undefined, { phase: { name: 'waiting' } }, devices) } }),
  moment: () => mount(Moment, { target, props: { meeting: meeting(undefined, {}, devices) } }),
  'moment-unsure': () =>
    mount(Moment, { target, props: { meeting: meeting(undefined, { calling: 'unsure' }, devices) } }),
  'waiting-unsure': () =>
    mount(Waiting, {
      target,
      props: { meeting: meeting(undefined, { phase: { name: 'waiting' }, calling: 'unsure' }, devices) },
    }),
  'rules-unsure': () =>
    mount(Rules, {
      target,
      props: {
        meeting: meeting(undefined, { phase: { name: 'ground_rules', rules: RULES }, calling: 'unsure' }, devices),
      },
    }),
  'stand-by': () => standBy([]),
  'stand-by-call': () =>
    standBy([
      { id: 1, kind: 'distress', participant: 6, alias: 'Jo', since: NOW - 25_000, repeated: 1 },
      { id: 2, kind: 'not_alone', participant: 7, alias: 'Wren', since: NOW - 90_000, repeated: 0, answered_by: 1 },
      { id: 3, kind: 'distress', knock: 7, alias: 'Pat', since: NOW - 190_000, repeated: 9 },
    ]),
  'desk-stand-by': () =>
    room(
      withDesk(asFacilitator(), {
        signals: [{ id: 1, kind: 'distress', participant: 6, alias: 'Jo', since: NOW - 25_000, repeated: 1 }],
      }),
      { phase: { name: 'reconnecting', from: 'seated' }, standby: [] },
    ),
  ended: () =>
    mount(Farewell, {
      target,
      props: { closed: { name: 'closed', reason: 'ended' }, line: undefined, again: undefined },
    }),
  left: () =>
    mount(Farewell, { target, props: { closed: { name: 'closed', reason: 'left' }, line: undefined, again() {} } }),
  refused: () =>
    mount(Farewell, { target, props: { closed: { name: 'closed', reason: 'not_now' }, line: undefined, again() {} } }),
  removed: () =>
    mount(Farewell, {
      target,
      props: {
        closed: {
          name: 'closed',
          reason: 'removed',
          card: {
            title: 'You are no longer in this session',
            text: 'The facilitator has ended your part in it for today. You can talk about it with the people who look after you.',
            crisis_line: '988',
            contact: 'Your clinic can be reached during its opening hours.',
          },
        },
        line: undefined,
        again: undefined,
      },
    }),
  room: () => room(),
  few: () => room(asMember({ people: 3 })),
  alone: () => room(asMember({ people: 2 })),
  four: () => room(asMember({ people: 4 })),
  twelve: () => room(asMember({ people: 12 })),
  'desk-twelve': () => room(asFacilitator({ people: 12 })),
  many: () => room(asMember({ people: 19 })),
  turn: () => room(asMember({ round: 'mine' })),
  round: () => room(asMember({ round: 'other' })),
  hand: () => room(asMember({ hand: 2 })),
  frozen: () => room(asMember({ frozen: true })),
  hold: () => room(asMember({ hold: true })),
  muted: () => room(asMember({ muted: true })),
  ending: () => room(asMember({ ending: true }), { newDevice: true }),
  reconnecting: () => room(asMember(), { phase: { name: 'reconnecting', from: 'seated' } }),
  refusal: () => room(asMember(), { refusal: 'You can unmute when it is your turn.' }),
  signal: () => room(asMember(), { signal: { since: NOW, state: 'sent' } }),
  unsure: () => room(asMember(), { calling: 'unsure' }),
  'unsure-lost': () =>
    room(asMember(), {
      phase: { name: 'reconnecting', from: 'seated' },
      signal: { since: NOW, state: 'sent' },
      calling: 'unsure',
    }),
  interrupted: () => room(asMember(), { media: 'interrupted' }),
  'interrupted-round': () => room(asMember({ round: 'mine' }), { media: 'interrupted' }),
  'desk-interrupted': () => room(asFacilitator(), { media: 'interrupted' }),
  answered: () => room(asMember(), { signal: { since: NOW, state: 'answered' } }),
  unanswered: () => room(asMember(), { signal: { since: NOW, state: 'unanswered' } }),
  'waiting-unanswered': () =>
    mount(Waiting, {
      target,
      props: {
        meeting: meeting(
          undefined,
          {
            phase: { name: 'waiting' },
            signal: { since: NOW, state: 'unanswered', crisis_line: '988 (call or text)' },
          },
          devices,
        ),
      },
    }),
  aside: () => room(inAsides(asMember())),
  break: () => room(inRoom(asMember(), { break_until: NOW + 272_000 })),
  breach: () => room(asMember({ frozen: true }), { breach: true }),
  scale: () => room(inRoom(asMember(), { scale: { question: 'How strong is the urge today?' } })),
  'scale-result': () =>
    room(asMember(), {
      scaleResult: { question: 'How strong is the urge today?', values: [2, 3, 3, 5, 5, 5, 7, 8] },
    }),
  segment: () =>
    room(
      inRoom(asMember(), {
        segment: {
          index: 1,
          kind: 'check_in',
          title: 'Check-in',
          prompt: 'How have you come here today? One word is enough.',
          until: NOW + 500_000,
        },
        prompt: { title: 'A moment', text: 'What went well this week?' },
        timer: { label: 'Writing', ends_at: NOW + 130_000 },
      }),
    ),
  care: () => room(inRoom(asMember({ round: 'mine' }), { care_moment: true })),
  'new-rules': () => room(asMember(), { newRules: RULES }),
  chat: () => room(written(asMember())),
  'chat-off': () => room(inRoom(written(asMember()), { chat: 'facilitators' })),
  desk: () => room(asFacilitator()),
  'desk-busy': () =>
    room(
      inRoom(
        withDesk(inAsides(asFacilitator()), {
          signals: [
            { id: 1, kind: 'distress', participant: 6, alias: 'Jo', since: NOW - 25_000, repeated: 1 },
            {
              id: 2,
              kind: 'not_alone',
              participant: 7,
              alias: 'Wren',
              since: NOW - 90_000,
              repeated: 0,
              answered_by: 1,
            },
          ],
          heard: [
            { participant: 2, seconds: 340 },
            { participant: 3, seconds: 60 },
            { participant: 4, seconds: 0 },
          ],
          not_heard: [4, 5],
          scale: { answered: 4, named: [{ participant: 3, value: 7 }] },
          ratings: [4, 6, 7, 7, 9],
          agenda: [
            { kind: 'welcome', title: 'Welcome', seconds: 300 },
            { kind: 'check_in', title: 'Check-in', seconds: 900 },
            { kind: 'share', title: 'Sharing' },
            { kind: 'closing', title: 'Closing', seconds: 300 },
          ],
          formats: ['check_in', 'support_circle', 'twelve_step'],
          kept_apart: [{ one: 3, other: 6 }],
        }),
        {
          segment: { index: 1, kind: 'check_in', title: 'Check-in', prompt: 'One word is enough.' },
          scale: { question: 'How strong is the urge today?' },
        },
      ),
    ),
  'desk-break': () => room(inRoom(asFacilitator(), { break_until: NOW + 272_000 })),
  'desk-round': () => room(asFacilitator({ round: 'other' })),
  'desk-frozen': () => room(asFacilitator({ frozen: true })),
  'desk-locked': () => room(asFacilitator({ locked: true })),
  'desk-hold': () => room(asFacilitator({ hold: true })),
  'desk-empty': () => room(asFacilitator({ people: 1, knocks: 0 })),
};

// The link class is the SDK's own; the gallery opens no door with it.
void Link;
STATES[state]?.();
