import { expect, test } from 'vitest';
import { facilitatorDesk } from '../src/desk';
import type { ClientFrame, Outcome, Request } from '../src/generated/protocol';
import { sample } from './samples';

const asked: Request[] = [];

function outcome(request: Request): Outcome | undefined {
  if (request.type === 'end_now' && !request.confirm) return { type: 'confirm', word: 'ember' };
  if (request.type === 'export_format') return { type: 'format', toml: 'title = "Our group"' };
  return undefined;
}

const desk = facilitatorDesk(
  (request) => {
    asked.push(request);
    return Promise.resolve(outcome(request));
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

test('asides are opened, changed and recalled', async () => {
  const { asides } = desk;
  await check(
    () =>
      asides.open(
        [
          [4, 5],
          [7, 8],
        ],
        600,
      ),
    'open_asides',
  );
  await check(() => asides.open([[1, 4]]), 'open_asides_untimed');
  await check(() => asides.openCrisis(4), 'open_crisis_aside');
  await check(() => asides.move(4, 2), 'move_into_an_aside');
  await check(() => asides.move(4), 'move_back');
  await check(() => asides.recall(30, 2), 'recall_one_aside');
  await check(() => asides.recall(0), 'recall_all');
  await check(() => asides.keepApart(4, 5, true), 'keep_apart');
});

test('the meeting goes on by its agenda, and by what the facilitators change', async () => {
  const { agenda } = desk;
  await check(() => agenda.step(2), 'step_to');
  await check(
    () =>
      agenda.override({ sources: ['microphone', 'camera'], chat: 'members', reactions: 'with_you', hands: 'equity' }),
    'override_everything',
  );
  await check(() => agenda.override({}), 'override_nothing');
  await check(() => agenda.changeFormat('support_circle'), 'change_format');
  await check(() => agenda.importFormat('title = "Our group"'), 'import_format');
  await check(() => agenda.exportFormat(), 'export_format');
  expect(await agenda.exportFormat()).toBe('title = "Our group"');
  asked.pop();
});

test('cards, timers and scales', async () => {
  const { exercises } = desk;
  await check(() => exercises.showPrompt({ title: 'A moment', text: 'What went well this week?' }), 'show_prompt');
  await check(() => exercises.hidePrompt(), 'take_prompt_away');
  await check(() => exercises.startTimer(180, 'Writing'), 'start_timer');
  await check(() => exercises.stopTimer(), 'stop_timer');
  await check(() => exercises.openScale('How strong is the urge today?'), 'open_scale');
  await check(() => exercises.closeScale(), 'close_scale');
  await check(() => exercises.careMoment(true), 'care_moment');
});

test('what keeps the group safe', async () => {
  const { safety } = desk;
  await check(() => safety.answerSignal(3, 'I am with you. Shall we talk aside?'), 'answer_signal');
  await check(() => safety.answerSignal(3), 'answer_signal_without_words');
  await check(() => safety.breach('recording', 4), 'breach_recording');
  await check(() => safety.breach('other'), 'breach_by_nobody_named');
  await check(() => safety.pause(300), 'break');
  await check(() => safety.endPause(), 'end_break');
  await check(() => safety.setCeiling('voice', 4), 'set_ceiling_of_one');
  await check(() => safety.setCeiling('video'), 'set_ceiling_of_all');
  await check(() => desk.lendHelper(4, true), 'lend_helper');
  await check(() => desk.suspendStop(), 'round_suspend_stop');
  await check(() => desk.startRound({ order: { type: 'equity' } }), 'round_start_by_equity');
});

test('attendance is attested and corrected', async () => {
  await check(() => desk.attendance.attest(), 'attest_attendance');
  await check(() => desk.attendance.correct(4, 55, 'Lost the line at the end.'), 'correct_attendance');
});

test('ending at once takes a second step', async () => {
  const confirm = await desk.endNow();
  expect(asked.pop()).toEqual({ type: 'end_now' });
  expect(asked).toEqual([]);
  await check(confirm, 'end_now_confirmed');
});
