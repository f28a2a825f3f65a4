/**
 * Hearth in the browser: signalling, media, devices and the state of the room, without a framework.
 *
 * A page holds one `Session` and the `Devices` it sends from. Everything that happens comes as a typed event; everything that a
 * person does is a method whose promise resolves once the server has carried it out, and rejects with a `Refusal`.
 */
export { linkFrom, takeLink, Link, type Ticket } from './links';
export { Refusal, type LocalCode } from './refusal';
export { Session, type SessionEvents, type SessionOptions } from './session';
export type { Agenda } from './agenda';
export type { Asides } from './asides';
export type { Attendance } from './attendance';
export type { Chat } from './chat';
export type { Exercises } from './exercises';
export type { Calling, Help } from './help';
export type { Mine } from './mine';
export type { Safety } from './safety';
export type { ClosedReason, Phase } from './phase';
export type { FacilitatorDesk, RoundPlan } from './desk';
export type { MediaState, OwnSource, OwnSources } from './own';
export type { Picture } from './slots';
export type { Surroundings, Timing } from './surroundings';
export { Devices, type Device, type DeviceKind, type DeviceLists, type DevicesEvents } from './devices';
export type { View } from './state';
export { TEXT_CHARS_MAX } from './generated/protocol';
export type {
  AgendaItem,
  Aside,
  AsideId,
  Audience,
  Away,
  BreachCode,
  Card,
  ChatPolicy,
  Denied,
  Desk,
  DoorSignal,
  Export,
  Floor,
  FloorMode,
  Frozen,
  GateReasons,
  Goal,
  GroundRules,
  Hand,
  HandKind,
  HandOrder,
  Heard,
  Hold,
  Knock,
  KnockId,
  Level,
  Message,
  MessageId,
  MessageKind,
  Millis,
  Notice,
  OpenSources,
  OwnSignal,
  OwnSignalState,
  Pair,
  Participant,
  ParticipantGates,
  ParticipantId,
  Prompt,
  Reaction,
  ReactionPolicy,
  Reason,
  RefusalCode,
  Removed,
  Role,
  RoomState,
  Round,
  RoundOrder,
  Scale,
  ScaleAnswers,
  ScaleResult,
  Segment,
  SegmentKind,
  SegmentSettings,
  Signal,
  SignalId,
  SignalKind,
  Source,
  Speaker,
  ThawStep,
  Timer,
  You,
} from './generated/protocol';
