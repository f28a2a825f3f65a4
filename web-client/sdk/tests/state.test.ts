import { expect, test } from 'vitest';
import type { Change, RoomView, ServerFrame } from '../src/generated/protocol';
import { afterChanges, fromSnapshot, MESSAGES_MAX, type View } from '../src/state';
import { sample } from './samples';

type Snapshot = Extract<ServerFrame, { type: 'snapshot' }>;
type Delta = Extract<ServerFrame, { type: 'delta' }>;

const member = () => sample<Snapshot>('server.json', 'snapshot_for_a_member').view;
const changes = () => sample<Delta>('server.json', 'delta').changes;

function check(view: RoomView, change: Change[], expected: (before: View) => Partial<View>): void {
  const before = fromSnapshot(view);
  const untouched = structuredClone(before);
  expect(afterChanges(before, change)).toEqual({ ...before, ...expected(before) });
  expect(before).toEqual(untouched);
}

function find<Type extends Change['type']>(type: Type): Extract<Change, { type: Type }> {
  const change = changes().find((change) => change.type === type);
  if (!change) throw new Error(`no sample of a change of ${type}`);
  return change as Extract<Change, { type: Type }>;
}

function bare<Tagged extends { type: string }>({ type: _type, ...rest }: Tagged): Omit<Tagged, 'type'> {
  return rest;
}

test('each part of the view is replaced as a whole', () => {
  check(member(), [find('room')], () => ({ room: bare(find('room')) }));
  check(member(), [find('floor')], () => ({ floor: bare(find('floor')) }));
  check(member(), [find('you')], () => ({ you: bare(find('you')) }));
  check(member(), [find('desk')], () => ({ desk: bare(find('desk')) }));
  check(member(), [find('speaking')], () => ({ speaking: find('speaking').participants }));
});

test('slots and notices leave the view as it is', () => {
  const before = fromSnapshot(member());
  expect(afterChanges(before, [find('slot'), find('notice')])).toBe(before);
});

test('whoever changes keeps their place, and whoever is new comes last', () => {
  const changed = { ...bare(find('participant')), alias: 'Poplar' };
  check(member(), [{ type: 'participant', ...changed }], ({ participants }) => ({
    participants: participants.map((present) => (present.id === changed.id ? changed : present)),
  }));
  const arrived = { ...changed, id: 40 };
  check(member(), [{ type: 'participant', ...arrived }], ({ participants }) => ({
    participants: [...participants, arrived],
  }));
});

test('whoever left is gone', () => {
  check(member(), [{ type: 'left', participant: 4 }], ({ participants }) => ({
    participants: participants.filter(({ id }) => id !== 4),
  }));
});

test('the sample of a delta leads to the view that it describes', () => {
  const after = afterChanges(fromSnapshot(member()), changes());
  expect(after.room).toEqual(bare(find('room')));
  expect(after.desk).toEqual(bare(find('desk')));
  expect(after.participants.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 7]);
  expect(after.speaking).toEqual([4, 1]);
});

const written = (id: number): Change => ({
  type: 'message',
  id,
  from: 4,
  to: { type: 'room' },
  kind: 'chat',
  text: 'I am glad to be here.',
  at: 99_000,
});

test('what was written stays over a new snapshot, until it is taken away', () => {
  const before = afterChanges(fromSnapshot(member()), [written(31), written(32)]);
  const after = fromSnapshot(member(), before);
  expect(after.messages.map(({ id }) => id)).toEqual([31, 32]);
  expect(afterChanges(after, [{ type: 'unsaid', message: 31 }]).messages.map(({ id }) => id)).toEqual([32]);
});

test('of very many messages the oldest are forgotten', () => {
  const many = Array.from({ length: MESSAGES_MAX + 1 }, (_, at) => written(at));
  const { messages } = afterChanges(fromSnapshot(member()), many);
  expect([messages.length, messages[0]?.id]).toEqual([MESSAGES_MAX, 1]);
});
