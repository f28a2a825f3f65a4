import { agenda, type Agenda } from './agenda';
import { asides, type Asides } from './asides';
import { attendance, type Attendance } from './attendance';
import { exercises, type Exercises } from './exercises';
import type { FloorMode, KnockId, ParticipantId, Request, RoundOrder, Source, ThawStep } from './generated/protocol';
import type { Ask } from './requests';
import { safety, type Safety } from './safety';

export interface RoundPlan {
  readonly order?: RoundOrder;
  /** How long a turn is meant to take; none: untimed. Gentle: nothing is cut off. */
  readonly turnSeconds?: number;
  /** Whether facilitators take a turn too. */
  readonly includeFacilitators?: boolean;
}

/** What facilitators may do. The room decides who may; everyone else is refused. */
export interface FacilitatorDesk {
  readonly asides: Asides;
  readonly agenda: Agenda;
  readonly exercises: Exercises;
  readonly safety: Safety;
  readonly attendance: Attendance;

  /** `throughLock` lets this one person through a locked door. */
  admit(knock: KnockId, throughLock?: boolean): Promise<void>;
  deny(knock: KnockId): Promise<void>;
  /** The person may knock again. */
  undoDenial(knock: KnockId): Promise<void>;
  /** Admits all whom the desk shows waiting, unless the list changed since. Never passes a lock. */
  admitAll(): Promise<void>;

  /** Opening never makes a device be heard: its owner unmutes. */
  setGate(participant: ParticipantId, source: Source, open: boolean): Promise<void>;
  /** Closes this source of everyone but facilitators and those excepted. */
  gateAll(source: Source, except?: readonly ParticipantId[]): Promise<void>;
  /** Puts a question on somebody's screen; only their own click answers it. */
  askToUnmute(participant: ParticipantId): Promise<void>;
  setFloor(mode: Exclude<FloorMode, 'round'>): Promise<void>;
  grant(participant: ParticipantId): Promise<void>;
  revoke(participant: ParticipantId): Promise<void>;
  lowerHandOf(participant: ParticipantId): Promise<void>;
  /** Those named come first, in this order. */
  orderHands(participants: readonly ParticipantId[]): Promise<void>;

  startRound(plan?: RoundPlan): Promise<void>;
  extendTurn(seconds: number): Promise<void>;
  skipTurn(): Promise<void>;
  /** The present turn is not cut off, however long it takes. */
  suspendStop(): Promise<void>;
  endRound(): Promise<void>;

  lock(): Promise<void>;
  unlock(): Promise<void>;
  freeze(): Promise<void>;
  /** Step by step: microphones, cameras, chat. */
  thaw(step: ThawStep): Promise<void>;
  /** Back to the waiting room, the seat kept aside. */
  sendToWaiting(participant: ParticipantId): Promise<void>;
  remove(participant: ParticipantId): Promise<void>;
  /** The person may come as far as the waiting room again. */
  undoRemoval(participant: ParticipantId): Promise<void>;
  /** Goes on after a hold. */
  resumeRoom(): Promise<void>;
  handOver(participant: ParticipantId): Promise<void>;
  /** Lends a member floor, rounds, timers and closing gates, or takes them back. */
  lendHelper(participant: ParticipantId, on: boolean): Promise<void>;
  takeLead(): Promise<void>;
  /** Ends the session after a countdown that everyone sees. */
  end(seconds: number): Promise<void>;
  cancelEnd(): Promise<void>;
  /** Two steps: nothing has ended until the function that comes back is called. */
  endNow(): Promise<() => Promise<void>>;
}

export function facilitatorDesk(ask: Ask, knocksVersion: () => number): FacilitatorDesk {
  const tell = async (request: Request): Promise<void> => void (await ask(request));
  return {
    asides: asides(ask),
    agenda: agenda(ask),
    exercises: exercises(ask),
    safety: safety(ask),
    attendance: attendance(ask),

    admit: (knock, throughLock = false) => tell({ type: 'admit', knock, through_lock: throughLock }),
    deny: (knock) => tell({ type: 'deny', knock }),
    undoDenial: (knock) => tell({ type: 'undo_denial', knock }),
    admitAll: () => tell({ type: 'admit_all', if_version: knocksVersion() }),

    setGate: (participant, source, open) => tell({ type: 'set_gate', participant, source, open }),
    gateAll: (source, except = []) => tell({ type: 'gate_all', source, except: [...except] }),
    askToUnmute: (participant) => tell({ type: 'ask_to_unmute', participant }),
    setFloor: (mode) => tell({ type: 'set_floor', mode }),
    grant: (participant) => tell({ type: 'grant', participant }),
    revoke: (participant) => tell({ type: 'revoke', participant }),
    lowerHandOf: (participant) => tell({ type: 'lower_hand_of', participant }),
    orderHands: (participants) => tell({ type: 'order_hands', participants: [...participants] }),

    startRound: (plan = {}) =>
      tell({
        type: 'round_start',
        order: plan.order ?? { type: 'seated' },
        include_facilitators: plan.includeFacilitators ?? false,
        ...(plan.turnSeconds === undefined ? {} : { turn_seconds: plan.turnSeconds }),
      }),
    extendTurn: (seconds) => tell({ type: 'round_extend', seconds }),
    skipTurn: () => tell({ type: 'round_skip' }),
    suspendStop: () => tell({ type: 'round_suspend_stop' }),
    endRound: () => tell({ type: 'round_end' }),

    lock: () => tell({ type: 'lock', locked: true }),
    unlock: () => tell({ type: 'lock', locked: false }),
    freeze: () => tell({ type: 'freeze' }),
    thaw: (step) => tell({ type: 'thaw', step }),
    sendToWaiting: (participant) => tell({ type: 'send_to_waiting', participant }),
    remove: (participant) => tell({ type: 'remove', participant }),
    undoRemoval: (participant) => tell({ type: 'undo_removal', participant }),
    resumeRoom: () => tell({ type: 'resume_room' }),
    handOver: (participant) => tell({ type: 'hand_over', participant }),
    lendHelper: (participant, on) => tell({ type: 'lend_helper', participant, on }),
    takeLead: () => tell({ type: 'take_lead' }),
    end: (seconds) => tell({ type: 'end', seconds }),
    cancelEnd: () => tell({ type: 'cancel_end' }),
    endNow: async () => {
      const asked = await ask({ type: 'end_now' });
      return () => (asked?.type === 'confirm' ? tell({ type: 'end_now', confirm: asked.word }) : Promise.resolve());
    },
  };
}
