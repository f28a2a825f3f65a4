import { beforeEach, expect, test } from 'vitest';
import type { OwnSignal, Request } from '../src/generated/protocol';
import { Help, type Calling } from '../src/help';
import { Refusal } from '../src/refusal';
import { Shelf } from './server';

const PATIENT = { sure: 10_000, callAgain: 1 };

let asked: Request[];
let answers: { resolve(): void; reject(why: Refusal): void }[];
let awaited: (() => void) | undefined;
let shelf: Storage;

beforeEach(() => {
  asked = [];
  answers = [];
  shelf = new Shelf();
});

function ask(request: Request): Promise<undefined> {
  asked.push(request);
  return new Promise((resolve, reject) => {
    answers.push({ resolve: () => resolve(undefined), reject });
    awaited?.();
  });
}

async function nextAsked(): Promise<(typeof answers)[number]> {
  for (;;) {
    const answer = answers.shift();
    if (answer) return answer;
    await new Promise<void>((resolve) => (awaited = resolve));
  }
}

function becomes(help: Help, calling: Calling | undefined): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (help.calling === calling) resolve();
    };
    help.on('change', look);
    look();
  });
}

const signal = (state: OwnSignal['state']): OwnSignal => ({ since: 5, state });

test('a call for help is on its way until the server has it', async () => {
  const help = new Help(ask, PATIENT, shelf);
  const called = help.distress();
  expect(help.calling).toBe('sending');
  (await nextAsked()).resolve();
  await called;
  expect(help.calling).toBeUndefined();
});

test('a call that is not answered in time may not have reached anybody', async () => {
  const help = new Help(ask, { sure: 1, callAgain: 1 }, shelf);
  const called = help.distress();
  await becomes(help, 'unsure');
  (await nextAsked()).resolve();
  await called;
  expect(help.calling).toBeUndefined();
});

test('a call that was not carried out is made again and again, and one is told so meanwhile', async () => {
  const help = new Help(ask, PATIENT, shelf);
  const called = help.distress();
  (await nextAsked()).reject(new Refusal('record_unavailable', 'Not now.'));
  const again = await nextAsked();
  expect(help.calling).toBe('unsure');
  again.reject(new Refusal('unreachable', 'Lost.'));
  (await nextAsked()).resolve();
  await called;
  expect(asked).toEqual(Array(3).fill({ type: 'distress' }));
});

test('while the connection is lost nobody can be sure of a call that was not answered', () => {
  const help = new Help(ask, PATIENT, shelf);
  help.handleLost();
  expect(help.calling).toBeUndefined();
  help.handleSignal(signal('sent'));
  expect(help.calling).toBe('unsure');
  help.handleSignal(signal('answered'));
  expect(help.calling).toBeUndefined();
});

test('a server that does not know of the call any more is told again', async () => {
  const help = new Help(ask, PATIENT, shelf);
  help.handleSignal(signal('sent'));
  help.handleLost();
  help.handleBack({ signal: signal('sent'), not_alone: false });
  expect(asked).toEqual([]);
  help.handleLost();
  help.handleBack(undefined);
  (await nextAsked()).resolve();
  expect(asked).toEqual([{ type: 'distress' }]);
});

test('who may be watched stays so for a server that does not know of it any more', async () => {
  const help = new Help(ask, PATIENT, shelf);
  const told = help.notAlone(true);
  (await nextAsked()).resolve();
  await told;
  help.handleBack({ not_alone: true });
  expect(asked).toHaveLength(1);
  help.handleBack(undefined);
  (await nextAsked()).resolve();
  help.handleBack({ not_alone: false });
  (await nextAsked()).resolve();
  expect(asked).toEqual(Array(3).fill({ type: 'not_alone', on: true }));
});

test('who has taken it back is not said to be watched again', async () => {
  const help = new Help(ask, PATIENT, shelf);
  help.handleBack({ not_alone: true });
  const told = help.notAlone(false);
  (await nextAsked()).resolve();
  await told;
  help.handleBack({ not_alone: false });
  expect(asked).toEqual([{ type: 'not_alone', on: false }]);
});

test('where the session is over, a call that reached nobody stays so', async () => {
  const help = new Help(ask, PATIENT, shelf);
  const called = help.distress();
  (await nextAsked()).reject(new Refusal('closed', 'Over.'));
  await expect(called).rejects.toThrow('Over.');
  expect(help.calling).toBe('unsure');
});

test('a call that was not sure to have arrived is made again after a reload, and one is told so at once', async () => {
  void new Help(ask, PATIENT, shelf).distress();
  await nextAsked();
  const help = new Help(ask, PATIENT, shelf);
  help.handleReload();
  expect(help.calling).toBe('unsure');
  (await nextAsked()).resolve();
  await becomes(help, undefined);
  expect(asked).toEqual(Array(2).fill({ type: 'distress' }));
});

test('a call that arrived is not made again after a reload, nor one of somebody who was here before', async () => {
  const called = new Help(ask, PATIENT, shelf).distress();
  (await nextAsked()).resolve();
  await called;
  new Help(ask, PATIENT, shelf).handleReload();
  void new Help(ask, PATIENT, shelf).distress();
  const help = new Help(ask, PATIENT, shelf);
  help.handleJoin();
  help.handleReload();
  expect(help.calling).toBeUndefined();
  expect(asked).toHaveLength(2);
  expect(shelf).toHaveLength(0);
});
