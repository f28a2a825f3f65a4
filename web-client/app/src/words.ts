/** What the pages say. Kind, plain, and drawn from what the room knows, never from what somebody typed. */
import type {
  Audience,
  BreachCode,
  ChatPolicy,
  FloorMode,
  HandKind,
  HandOrder,
  Level,
  Participant,
  Reaction,
  ReactionPolicy,
  Reason,
  Role,
  SignalKind,
  Source,
} from '@hearth/sdk';

/** Where a room has no line of its own, or the page does not know it yet. */
export const EMERGENCY = 'If you are in danger, call your local emergency number.';

/** A line in pieces: what is a number to call, with what is dialled, and what stands around it. */
export function dialled(line: string): readonly { readonly text: string; readonly tel?: string }[] {
  return line
    .split(/(\+?\d(?:[ -]?\d){2,})/)
    .filter((text) => text !== '')
    .map((text) => (/^\+?\d/.test(text) && text.length > 2 ? { text, tel: text.replaceAll(/[ -]/g, '') } : { text }));
}

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
  const name = alias.trim();
  // To begin with the rules of all scripts takes browsers long, and most names do without.
  const letter = /^[\p{L}\p{N}](?=[\p{L}\p{N}\p{Z}\p{P}]|$)/u.exec(name)?.[0];
  const first = letter ?? [...new Intl.Segmenter().segment(name)][0]?.segment;
  return first?.toLocaleUpperCase() ?? '';
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
      return 'You chose to take part without it for now. You can change that under “You”.';
    case 'ceiling':
      return `The facilitator keeps this part of the group without your ${source} for now.`;
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
export function tileWords(who: Participant, self: boolean, hasTurn: boolean, beside: readonly string[] = []): string {
  const parts = [self ? `${who.alias} (you)` : who.alias];
  if (beside.length > 0) parts.push(`with ${listed(beside)}`);
  const role = who.title ?? roleWords(who.role);
  if (role !== undefined) parts.push(role);
  if (who.helper) parts.push('helps today');
  if (who.goal !== undefined) parts.push(`goal for today: ${who.goal}`);
  parts.push(who.open.microphone ? 'microphone on' : 'microphone off');
  parts.push(who.open.camera ? 'camera on' : 'camera off');
  if (hasTurn) parts.push('has the floor');
  if (who.hand !== undefined) parts.push(`hand raised, number ${who.hand.place}`);
  return parts.join(', ');
}

/** From the least to the most. */
export const LEVELS: readonly Level[] = ['listen', 'text', 'voice', 'video'];

export function levelWords(level: Level): { readonly name: string; readonly hint: string } {
  switch (level) {
    case 'listen':
      return { name: 'Just listen', hint: 'You hear and see the group, and nobody hears or sees you.' };
    case 'text':
      return { name: 'Write', hint: 'You can write, and take your turn in writing.' };
    case 'voice':
      return { name: 'Speak', hint: 'You can speak. Nobody sees you.' };
    case 'video':
      return { name: 'Be seen', hint: 'You can speak and be seen, whenever you want to.' };
  }
}

export function isBeyond(level: Level, ceiling: Level): boolean {
  return LEVELS.indexOf(level) > LEVELS.indexOf(ceiling);
}

export function signalWords(kind: SignalKind): string {
  switch (kind) {
    case 'distress':
      return 'needs somebody';
    case 'not_alone':
      return 'may be watched by somebody';
  }
}

export const BREACHES: readonly BreachCode[] = [
  'recording',
  'screenshot',
  'somebody_listening',
  'told_outside',
  'identified',
  'other',
];

export function breachWords(code: BreachCode): string {
  switch (code) {
    case 'recording':
      return 'Something was recorded';
    case 'screenshot':
      return 'A picture was taken of the screen';
    case 'somebody_listening':
      return 'Somebody else is listening or watching';
    case 'told_outside':
      return 'Something was told outside the group';
    case 'identified':
      return 'Somebody’s name or place was given away';
    case 'other':
      return 'Something else';
  }
}

export function chatWords(policy: ChatPolicy): string {
  switch (policy) {
    case 'facilitators':
      return 'To facilitators only';
    case 'room':
      return 'To the whole group';
    case 'members':
      return 'To the group, and to one another';
  }
}

export function reactionPolicyWords(policy: ReactionPolicy): string {
  switch (policy) {
    case 'off':
      return 'None';
    case 'with_you':
      return '“With you” only';
    case 'all':
      return 'All';
  }
}

export function handOrderWords(order: HandOrder): string {
  switch (order) {
    case 'fifo':
      return 'Who came first';
    case 'equity':
      return 'Who was heard least';
    case 'manual':
      return 'As you put them';
  }
}

/** To whom something was written, where that is not the whole room. */
export function audienceWords(to: Audience, toMe: boolean): string | undefined {
  switch (to.type) {
    case 'room':
      return undefined;
    case 'everywhere':
      return 'to everybody, everywhere';
    case 'facilitators':
      return 'to the facilitators';
    case 'team':
      return 'among facilitators';
    case 'participant':
      return toMe ? 'to you alone' : 'to one person';
  }
}

/** "Ann", "Ann and Ben", "Ann, Ben and Cleo". */
export function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}
