import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Bye, ServerFrame } from '../src/generated/protocol';
import { keptPlace } from '../src/place';
import { Refusal } from '../src/refusal';
import { Signalling } from '../src/signalling';
import type { Surroundings, Timing } from '../src/surroundings';
import { around, Server, type Connection } from './server';
import { sample, samples } from './samples';

let server: Server;
let signalling: Signalling | undefined;
let surroundings: Surroundings;

beforeEach(async () => {
  server = await Server.start();
});

afterEach(() => {
  signalling?.close();
  server.stop();
});

function enter(timing: Partial<Timing> = {}, mediaGeneration?: number): Signalling {
  surroundings = around(server, timing);
  signalling = new Signalling(surroundings, 'room', { type: 'ticket', ticket: 'once' }, () => mediaGeneration);
  return signalling;
}

const seated = (secret: string): ServerFrame => ({ type: 'seated', secret });
const snapshot = sample<ServerFrame>('server.json', 'snapshot_for_a_member');

/** The next connection, as far as the first view. */
async function seat(secret: string): Promise<Connection> {
  const connection = await server.connection();
  await connection.next('hello');
  connection.say(seated(secret));
  connection.say(snapshot);
  return connection;
}

const next = <Name extends Parameters<Signalling['on']>[0]>(name: Name) =>
  new Promise<unknown>((resolve) => signalling?.on(name, resolve));

test('the first frame is a hello with the ticket', async () => {
  enter();
  const hello = await (await server.connection()).next('hello');
  expect(hello).toEqual({ type: 'hello', version: 1, credential: { type: 'ticket', ticket: 'once' } });
});

test('a lost connection comes back with the newest secret and the media connection that is held', async () => {
  enter({}, 3);
  const first = await seat('one');
  first.say(seated('two'));
  await next('snapshot');
  first.socket.terminate();
  const hello = await (await server.connection()).next('hello');
  expect(hello.credential).toEqual({ type: 'resume', secret: 'two' });
  expect(hello.media_generation).toBe(3);
});

test('at the door one comes back with the waiting secret', async () => {
  enter();
  const first = await server.connection();
  first.say({ type: 'knocked', secret: 'door' });
  first.say({ type: 'waiting' });
  await next('waiting');
  first.socket.terminate();
  const hello = await (await server.connection()).next('hello');
  expect(hello.credential).toEqual({ type: 'waiting', secret: 'door' });
});

test('at the door a call for help is sent, sent again after a lost line, and told where it stands', async () => {
  const session = enter();
  const first = await server.connection();
  first.say({ type: 'knocked', secret: 'door' });
  const asked = session.request({ type: 'distress' });
  const { request_id } = await first.next('request');
  first.socket.terminate();
  const second = await server.connection();
  second.say({ type: 'knocked', secret: 'door again' });
  expect(await second.next('request')).toEqual({ type: 'request', request_id, request: { type: 'distress' } });
  second.say({ type: 'ok', request_id });
  await asked;
  const told = next('signal');
  second.say(sample<ServerFrame>('server.json', 'signal_at_the_door'));
  const { type: _type, ...signal } = sample<Extract<ServerFrame, { type: 'signal' }>>(
    'server.json',
    'signal_at_the_door',
  );
  expect(await told).toEqual(signal);
});

test('the secret is the only thing stored, and a final goodbye erases it', async () => {
  enter();
  const connection = await seat('one');
  await next('snapshot');
  expect(keptPlace(surroundings.storage)).toEqual({ room: 'room', credential: { type: 'resume', secret: 'one' } });
  expect(surroundings.storage.length).toBe(1);
  const bye = sample<Bye & { type: 'bye' }>('server.json', 'bye_removed');
  connection.say(bye);
  expect(await next('closed')).toEqual(bye);
  await connection.closed();
  expect(surroundings.storage.length).toBe(0);
  expect(server.waiting).toBe(0);
});

test('a goodbye whose words were lost is known by its code', async () => {
  enter();
  const connection = await seat('one');
  connection.socket.close(4000);
  expect(await next('closed')).toEqual({ reason: 'ended' });
});

test('a restarting server is come back to', async () => {
  enter();
  (await seat('one')).say({ type: 'bye', reason: 'restarting' });
  const hello = await (await server.connection()).next('hello');
  expect(hello.credential).toEqual({ type: 'resume', secret: 'one' });
});

test('a gap in the numbers makes a new connection', async () => {
  enter();
  const connection = await seat('one');
  connection.say({ type: 'delta', seq: 1, changes: [] });
  await next('changes');
  connection.say({ type: 'delta', seq: 3, changes: [] });
  await connection.closed();
  await (await server.connection()).next('hello');
});

test('a silent server is taken for dead', async () => {
  enter({ ping: 5, dead: 15 });
  const first = await server.connection();
  await first.closed();
  await (await server.connection()).next('hello');
});

test('pings place the clock of the session', async () => {
  const { clock } = enter();
  const connection = await seat('one');
  const { nonce } = await connection.next('ping');
  connection.say({ type: 'pong', nonce, now: 500_000 });
  connection.say({ type: 'waiting' });
  await next('waiting');
  expect(clock.now()).toBeGreaterThanOrEqual(500_000);
});

test('a request resolves with ok and rejects with the refusal', async () => {
  const session = enter();
  const connection = await seat('one');
  await next('snapshot');
  const lock = session.request({ type: 'lock', locked: true });
  const { request_id } = await connection.next('request');
  connection.say({ type: 'ok', request_id });
  await expect(lock).resolves.toBeUndefined();
  const freeze = session.request({ type: 'freeze' });
  const { request_id: second } = await connection.next('request');
  connection.say({
    type: 'refusal',
    request_id: second,
    refusal: { code: 'not_allowed', message: 'Facilitators do this.' },
  });
  await expect(freeze).rejects.toEqual(new Refusal('not_allowed', 'Facilitators do this.'));
});

test('a request without an answer is sent again with the same id, and an offer is not', async () => {
  const session = enter();
  const first = await seat('one');
  await next('snapshot');
  const raise = session.request({ type: 'raise_hand', kind: 'speak' });
  const offer = session.request({ type: 'offer', generation: 1, sdp: 'v=0\r\n', tracks: [] }, { again: false });
  offer.catch(() => undefined);
  const { request_id } = await first.next('request');
  first.socket.terminate();
  await expect(offer).rejects.toMatchObject({ code: 'unreachable' });
  const second = await seat('two');
  const repeated = await second.next('request');
  expect(repeated).toEqual({ type: 'request', request_id, request: { type: 'raise_hand', kind: 'speak' } });
  second.say({ type: 'ok', request_id });
  await expect(raise).resolves.toBeUndefined();
});

test('a request that is never answered is given up', async () => {
  const session = enter({ answer: 20 });
  await seat('one');
  await next('snapshot');
  await expect(session.request({ type: 'lower_hand' })).rejects.toMatchObject({ code: 'unreachable' });
});

test('nothing is asked after the goodbye, and what was asked is refused', async () => {
  const session = enter();
  const connection = await seat('one');
  await next('snapshot');
  const hand = session.request({ type: 'raise_hand', kind: 'speak' });
  hand.catch(() => undefined);
  connection.say({ type: 'bye', reason: 'ended' });
  await expect(hand).rejects.toMatchObject({ code: 'closed' });
  await expect(session.request({ type: 'lower_hand' })).rejects.toMatchObject({ code: 'closed' });
});

test('every frame of the samples is understood', async () => {
  for (const [name, frame] of Object.entries(samples<ServerFrame>('server.json'))) {
    if (frame.type === 'delta' || frame.type === 'bye') continue;
    enter();
    const connection = await server.connection();
    connection.say(frame);
    connection.say({ type: 'waiting' });
    await next('waiting');
    expect(connection.socket.readyState, name).toBe(1);
    signalling?.close();
  }
});
