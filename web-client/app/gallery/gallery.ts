/** For looking at every page and state while one works on them: `/gallery/?state=room`. Not part of what is built. */
import '../src/theme.css';
import { Devices, Link } from '@hearth/sdk';
import { mount } from 'svelte';
import NoLink from '../src/door/NoLink.svelte';
import Rules from '../src/door/Rules.svelte';
import Waiting from '../src/door/Waiting.svelte';
import Welcome from '../src/door/Welcome.svelte';
import Farewell from '../src/Farewell.svelte';
import Room from '../src/room/Room.svelte';
import { asFacilitator, asMember, meeting, RULES } from './samples';

const target = document.body;
const state = new URLSearchParams(location.search).get('state') ?? 'room';
const devices = new Devices();

function room(view = asMember(), change: Parameters<typeof meeting>[1] = {}): void {
  mount(Room, { target, props: { meeting: meeting(view, change, devices), view } });
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
  ended: () => mount(Farewell, { target, props: { closed: { name: 'closed', reason: 'ended' }, again: undefined } }),
  left: () => mount(Farewell, { target, props: { closed: { name: 'closed', reason: 'left' }, again() {} } }),
  refused: () => mount(Farewell, { target, props: { closed: { name: 'closed', reason: 'not_now' }, again() {} } }),
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
        again: undefined,
      },
    }),
  room: () => room(),
  few: () => room(asMember({ people: 3 })),
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
  desk: () => room(asFacilitator()),
  'desk-round': () => room(asFacilitator({ round: 'other' })),
  'desk-frozen': () => room(asFacilitator({ frozen: true })),
  'desk-locked': () => room(asFacilitator({ locked: true })),
  'desk-hold': () => room(asFacilitator({ hold: true })),
  'desk-empty': () => room(asFacilitator({ people: 1, knocks: 0 })),
};

// The link class is the SDK's own; the gallery opens no door with it.
void Link;
STATES[state]?.();
