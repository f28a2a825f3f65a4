/** What the pages say. Kind, plain, and drawn from what the room knows, never from what somebody typed. */
import type { FloorMode, HandKind, Participant, Reaction, Reason, Role, Source } from '@hearth/sdk';

export function roleWords(role: Role): string | undefined {
  switch (role) {
    case 'facilitator':
      return 'Facilitator';
    case 'cofacilitator':
      return 'Co-facilitator';
    case 'peer_lead':
      return 'Peer lead';
    case 'interpreter':
      return 'Interpreter';
    case 'observer':
      return 'Trainee, listening';
    case 'member':
      return undefined;
  }
}

export function isFacilitator(role: Role): boolean {
  return role === 'facilitator' || role === 'cofacilitator';
}

/** The first letter of an alias, as people read it. */
export function initial(alias: string): string {
  const [first] = new Intl.Segmenter().segment(alias.trim());
  return first?.segment.toLocaleUpperCase() ?? '';
}

export function handWords(kind: HandKind): string {
  switch (kind) {
    case 'speak':
      return 'would like to speak';
    case 'respond':
      return 'would like to respond';
    case 'question':
      return 'has a question';
  }
}

export function reactionWords(reaction: Reaction): string {
  switch (reaction) {
    case 'with_you':
      return 'With you';
    case 'thank_you':
      return 'Thank you';
    case 'well_done':
      return 'Well done';
    case 'me_too':
      return 'Me too';
  }
}

/** "under a minute", "4 minutes", "1 hour 5 minutes": never seconds, nobody should watch them run. */
export function span(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return 'under a minute';
  if (minutes < 60) return counted(minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return rest === 0 ? counted(hours, 'hour') : `${counted(hours, 'hour')} ${counted(rest, 'minute')}`;
}

/** "2:05", for a countdown that has to be exact. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** "first", "2nd in line": one's own place among the raised hands. */
export function placeWords(place: number): string {
  if (place === 1) return 'You are next';
  return `You are number ${place}`;
}

/** Why one's own source cannot be opened now, as one sentence. */
export function heldWords(reason: Reason, source: Source, mode: FloorMode): string {
  switch (reason) {
    case 'facilitator':
      return `The facilitator has ${stopped(source)} for now. When it is allowed again, you decide when to open it.`;
    case 'freeze':
      return `The room is paused for everybody. When it goes on, you decide when to open your ${source}.`;
    case 'unattended':
      return 'No facilitator is here right now, so nobody is heard or seen.';
    case 'consent':
      return 'The ground rules changed. Please read them and agree first.';
    case 'ticket':
      return 'Your link comes without it. You can see and hear everybody.';
    case 'level':
    case 'ceiling':
    case 'format':
      return `This part of the session goes without ${source}s.`;
    case 'away':
      return 'You are still coming back. One moment.';
    case 'floor':
      return floorWords(mode);
    case 'self':
      return 'You can open it yourself.';
  }
}

function stopped(source: Source): string {
  switch (source) {
    case 'microphone':
      return 'muted your microphone';
    case 'camera':
      return 'turned your camera off';
    case 'screen':
      return 'stopped your screen';
  }
}

function floorWords(mode: FloorMode): string {
  switch (mode) {
    case 'round':
      return 'You can unmute when it is your turn.';
    case 'hands':
      return 'Raise your hand first. You can unmute when the facilitator gives you the floor.';
    case 'facilitator':
      return 'Only the facilitator speaks just now.';
    case 'quiet':
      return 'This is a quiet time for everybody.';
    case 'open':
      return 'You can unmute in a moment.';
  }
}

/** The whole of a tile for somebody who hears the page instead of seeing it. */
export function tileWords(who: Participant, self: boolean, hasTurn: boolean): string {
  const parts = [self ? `${who.alias} (you)` : who.alias];
  const role = roleWords(who.role);
  if (role !== undefined) parts.push(role);
  parts.push(who.open.microphone ? 'microphone on' : 'microphone off');
  parts.push(who.open.camera ? 'camera on' : 'camera off');
  if (hasTurn) parts.push('has the floor');
  if (who.hand !== undefined) parts.push(`hand raised, number ${who.hand.place}`);
  return parts.join(', ');
}
