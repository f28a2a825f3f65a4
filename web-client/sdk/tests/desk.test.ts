import { expect, test } from 'vitest';
import { facilitatorDesk } from '../src/desk';
import type { ClientFrame, Request } from '../src/generated/protocol';
import { sample } from './samples';

const asked: Request[] = [];
const desk = facilitatorDesk(
  (request) => {
    asked.push(request);
    return Promise.resolve(request.type === 'end_now' && !request.confirm ? 'ember' : undefined);
  },
  () => 12,
);

async function check(act: () => Promise<unknown>, name: string): Promise<void> {
  await act();
  const frame = sample<Extract<ClientFrame, { type: 'request' }>>('client.json', name);
  expect(asked.pop()).toEqual(frame.request);
}

test('each act at the desk asks for what the protocol calls it', async () => {
  await check(() => desk.admit(7), 'admit');
  await check(() => desk.admit(8, true), 'admit_through_the_lock');
  await check(() => desk.deny(9), 'deny');
  await check(() => desk.admitAll(), 'admit_all');
  await check(() => desk.setGate(4, 'microphone', false), 'set_gate');
  await check(() => desk.gateAll('microphone', [4, 5]), 'gate_all');
  await check(() => desk.gateAll('camera'), 'gate_all_without_exception');
  await check(() => desk.setFloor('hands'), 'set_floor_hands');
  await check(() => desk.grant(4), 'grant');
  await check(() => desk.revoke(4), 'revoke');
  await check(() => desk.lowerHandOf(4), 'lower_hand_of');
  await check(() => desk.startRound({ turnSeconds: 120 }), 'round_start_as_seated');
  await check(
    () => desk.startRound({ order: { type: 'manual', participants: [5, 4] }, includeFacilitators: true }),
    'round_start_as_listed',
  );
  await check(() => desk.extendTurn(60), 'round_extend');
  await check(() => desk.skipTurn(), 'round_skip');
  await check(() => desk.endRound(), 'round_end');
  await check(() => desk.lock(), 'lock');
  await check(() => desk.unlock(), 'unlock');
  await check(() => desk.freeze(), 'freeze');
  await check(() => desk.thaw('cameras'), 'thaw_cameras');
  await check(() => desk.remove(6), 'remove');
  await check(() => desk.undoRemoval(6), 'undo_removal');
  await check(() => desk.undoDenial(5), 'undo_denial');
  await check(() => desk.askToUnmute(4), 'ask_to_unmute');
  await check(() => desk.orderHands([5, 4]), 'order_hands');
  await check(() => desk.sendToWaiting(4), 'send_to_waiting');
  await check(() => desk.resumeRoom(), 'resume_room');
  await check(() => desk.handOver(2), 'hand_over');
  await check(() => desk.takeLead(), 'take_lead');
  await check(() => desk.end(300), 'end');
  await check(() => desk.cancelEnd(), 'cancel_end');
});

test('ending at once takes a second step', async () => {
  const confirm = await desk.endNow();
  expect(asked.pop()).toEqual({ type: 'end_now' });
  expect(asked).toEqual([]);
  await check(confirm, 'end_now_confirmed');
});
