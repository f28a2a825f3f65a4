import type {
  Change,
  Desk,
  Floor,
  Message,
  Participant,
  ParticipantId,
  RoomState,
  RoomView,
  You,
} from './generated/protocol';

/** Older ones are forgotten. */
export const MESSAGES_MAX = 300;

/** The room as this person may see it. Never changed in place: each change makes a new one. */
export interface View {
  readonly you: You;
  /** In the order of seats. */
  readonly participants: readonly Participant[];
  readonly room: RoomState;
  readonly floor: Floor;
  /** For facilitators alone. */
  readonly desk: Desk | undefined;
  /** Who is speaking, loudest first. */
  readonly speaking: readonly ParticipantId[];
  /** What was written since one is here, oldest first. The server keeps none of it. */
  readonly messages: readonly Message[];
}

/** `before`: the view that this one replaces, in the same session. */
export function fromSnapshot(snapshot: RoomView, before?: View): View {
  const { you, participants, room, floor, desk } = snapshot;
  return { you, participants, room, floor, desk, speaking: [], messages: before?.messages ?? [] };
}

export function afterChanges(view: View, changes: readonly Change[]): View {
  return changes.reduce(afterChange, view);
}

function afterChange(view: View, change: Change): View {
  switch (change.type) {
    case 'participant':
      return { ...view, participants: seated(view.participants, bare(change)) };
    case 'left':
      return { ...view, participants: view.participants.filter(({ id }) => id !== change.participant) };
    case 'room':
      return { ...view, room: bare(change) };
    case 'floor':
      return { ...view, floor: bare(change) };
    case 'you':
      return { ...view, you: bare(change) };
    case 'desk':
      return { ...view, desk: bare(change) };
    case 'speaking':
      return { ...view, speaking: change.participants };
    case 'message':
      return { ...view, messages: [...view.messages, bare(change)].slice(-MESSAGES_MAX) };
    case 'unsaid':
      return { ...view, messages: view.messages.filter(({ id }) => id !== change.message) };
    case 'slot':
    case 'reaction':
    case 'scale_result':
    case 'milestone':
    case 'notice':
      return view;
  }
}

/** Whoever is new comes last. */
function seated(present: readonly Participant[], participant: Participant): Participant[] {
  const place = present.findIndex(({ id }) => id === participant.id);
  return place < 0 ? [...present, participant] : present.with(place, participant);
}

function bare<Tagged extends { type: string }>(tagged: Tagged): Omit<Tagged, 'type'> {
  const { type: _type, ...rest } = tagged;
  return rest;
}
