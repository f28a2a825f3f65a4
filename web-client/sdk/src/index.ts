/**
 * Hearth in the browser: signalling, media, devices and the state of the room, without a framework.
 *
 * A page holds one `Session` and the `Devices` it sends from. Everything that happens comes as a typed event; everything that a
 * person does is a method whose promise resolves once the server has carried it out, and rejects with a `Refusal`.
 */
export { takeLink, Link, type Ticket } from './links';
export { Refusal, type LocalCode } from './refusal';
export { Session, type SessionEvents, type SessionOptions } from './session';
export type { ClosedReason, Phase } from './phase';
export type { FacilitatorDesk, RoundPlan } from './desk';
export type { MediaState, OwnSource, OwnSources } from './own';
export type { Picture } from './slots';
export type { Surroundings, Timing } from './surroundings';
export { Devices, type Device, type DeviceKind, type DeviceLists, type DevicesEvents } from './devices';
export type { View } from './state';
export type {
  Away,
  Card,
  Denied,
  Desk,
  Floor,
  FloorMode,
  Frozen,
  GateReasons,
  GroundRules,
  Hand,
  HandKind,
  Hold,
  Knock,
  KnockId,
  Millis,
  Notice,
  OpenSources,
  Participant,
  ParticipantId,
  Reaction,
  Reason,
  RefusalCode,
  Removed,
  Role,
  RoomState,
  Round,
  RoundOrder,
  Source,
  Speaker,
  ThawStep,
  You,
} from './generated/protocol';
