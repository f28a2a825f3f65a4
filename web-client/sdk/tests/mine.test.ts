import { expect, test } from 'vitest';
import { chat } from '../src/chat';
import type { ClientFrame, Outcome, Request, ServerFrame } from '../src/generated/protocol';
import { Help } from '../src/help';
import { mine } from '../src/mine';
import { sample } from './samples';
import { Shelf } from './server';

const asked: Request[] = [];
let brings: Outcome | undefined;
const ask = (request: Request) => {
  asked.push(request);
  return Promise.resolve(brings);
};

async function check(act: () => Promise<unknown>, name: string): Promise<void> {
  await act();
  const frame = sample<Extract<ClientFrame, { type: 'request' }>>('client.json', name);
  expect(asked.pop()).toEqual(frame.request);
}

test('what is written goes where it is meant to go', async () => {
  const { say, sayTurn, unsay } = chat(ask);
  await check(() => say('I am glad to be here.'), 'say_to_the_room');
  await check(() => say('Five more minutes.', { type: 'everywhere' }), 'say_everywhere');
  await check(() => say('May I go last?', { type: 'facilitators' }), 'say_to_facilitators');
  await check(() => say('Shall we take a break?', { type: 'team' }), 'say_to_the_team');
  await check(() => say('Of course.', { type: 'participant', participant: 4 }), 'say_to_one');
  await check(() => sayTurn('I had a good week.'), 'say_turn');
  await check(() => unsay(31), 'unsay');
});

test('a call for help is one word', async () => {
  const help = new Help(ask, { sure: 10_000, callAgain: 1 }, new Shelf());
  await check(() => help.distress(), 'distress');
  await check(() => help.notAlone(true), 'not_alone');
});

test("what is one's own is one's own to give", async () => {
  const own = mine(ask);
  await check(() => own.answerScale(7), 'answer_scale');
  await check(() => own.milestone('Thirty days.'), 'milestone');
  await check(() => own.setGoal('Call my sister.', true), 'set_goal');
  await check(() => own.dropGoal(), 'take_goal_back');
  await check(() => own.takeFeedback(true), 'take_feedback');
  await check(() => own.giveFeedback(4, 'You listened well.'), 'give_feedback');
  await check(() => own.rate(8), 'rate');
});

test('the export brings what belongs to oneself', async () => {
  const frame = sample<Extract<ServerFrame, { type: 'ok' }>>('server.json', 'ok_with_an_export');
  brings = frame.outcome;
  expect(await mine(ask).export()).toEqual({
    goal: 'Call my sister.',
    milestones: ['Thirty days.'],
    feedback: ['You listened well.'],
  });
});
