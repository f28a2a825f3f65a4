// Generated from the protocol crate. Do not edit: `make generate` writes it, a test keeps it current.

export const VERSION = 1;

export const FRAME_BYTES_MAX = 65536;

export const SDP_BYTES_MAX = 49152;

export const SDP_MEDIA_LINES_MAX = 64;

export const TEXT_CHARS_MAX = 1000;

/**
 * A seat on the roster: a number, stable for the session, that says nothing about the person.
 */
export type ParticipantId = number;

/**
 * Somebody at the door, as facilitators see them.
 */
export type KnockId = number;

/**
 * Chosen by the client, unique per subject and session, 1 to 64 bytes. A repeated one is answered as before and not carried out again.
 */
export type RequestId = string;

/**
 * Milliseconds on the session's clock.
 */
export type Millis = number;

/**
 * A waiting or resume secret: 256 bits, base64url without padding. Worth a seat; never logged.
 */
export type Secret = string;

export type Source = "microphone" | "camera" | "screen";

/**
 * One offer describes all of a browser's media (RFC 8829). The browser makes every offer; the server only answers.
 */
export type MediaOffer = { 
/**
 * The generation this connection belongs to, from `you.media_generation`.
 */
generation: number, 
/**
 * At most 48 kB and 64 media lines.
 */
sdp: string, 
/**
 * What each sending media line carries. Every other media line must be `recvonly`: a slot.
 */
tracks: Array<TrackLabel>, };

export type TrackLabel = { 
/**
 * The media line's `a=mid` (RFC 8843).
 */
mid: string, source: Source, };

/**
 * A place on the screen in which a source is shown.
 */
export type Tile = { participant: ParticipantId, source: Source, 
/**
 * Height in device pixels; the relay chooses the simulcast layer by it. 0 stops the picture.
 */
height: number, };

/**
 * What a receive-only media line carries from now on.
 */
export type Slot = { 
/**
 * The media line's `a=mid`.
 */
mid: string, 
/**
 * Empty: nothing; blank the tile at once.
 */
carries?: SlotSource, epoch: number, };

export type SlotSource = { participant: ParticipantId, source: Source, 
/**
 * The RTP timestamp from which frames in the slot are this source's (modulo 2^32). Blank the tile until the first such frame.
 */
from_timestamp: number, };

/**
 * What a browser sends. The first frame is `hello`, within ten seconds.
 */
export type ClientFrame = { "type": "hello" } & Hello | { "type": "request", request_id: RequestId, request: Request, } | { "type": "ping", nonce: number, };

export type Hello = { version: number, credential: Credential, 
/**
 * The generation of the media connection that the page still holds, if it does. It is kept where it is still the present one.
 */
media_generation?: number, };

export type Credential = { "type": "ticket", ticket: string, } | { "type": "waiting", secret: Secret, } | { "type": "resume", secret: Secret, };

/**
 * What is asked of the room. Who asks is known from the connection, never from the message.
 */
export type Request = { "type": "accept_ground_rules", version: number, hash: string, } | { "type": "set_own", source: Source, open: boolean, } | { "type": "open_on_turn", on: boolean, } | { "type": "raise_hand", kind: HandKind, } | { "type": "lower_hand" } | { "type": "react", reaction: Reaction, } | { "type": "yield" } | { "type": "pass" } | { "type": "defer" } | { "type": "set_level", level: Level, } | { "type": "distress" } | { "type": "not_alone", on: boolean, } | { "type": "say", to: Audience, text: string, } | { "type": "say_turn", text: string, } | { "type": "unsay", message: MessageId, } | { "type": "answer_scale", value: number, 
/**
 * Tell the facilitator that it is me.
 */
named: boolean, } | { "type": "milestone", text: string, } | { "type": "set_goal", text?: string, shared: boolean, } | { "type": "take_feedback", on: boolean, } | { "type": "give_feedback", participant: ParticipantId, text: string, } | { "type": "rate", value: number, } | { "type": "export" } | { "type": "share_device", ticket: string, version: number, hash: string, } | { "type": "unshare_device", participant: ParticipantId, } | { "type": "leave" } | { "type": "admit", knock: KnockId, 
/**
 * Lets this one person through a locked door.
 */
through_lock: boolean, } | { "type": "deny", knock: KnockId, } | { "type": "undo_denial", knock: KnockId, } | { "type": "send_to_waiting", participant: ParticipantId, } | { "type": "admit_all", if_version: number, } | { "type": "set_gate", participant: ParticipantId, source: Source, open: boolean, } | { "type": "gate_all", source: Source, except: Array<ParticipantId>, } | { "type": "ask_to_unmute", participant: ParticipantId, } | { "type": "set_floor", mode: FloorMode, } | { "type": "grant", participant: ParticipantId, } | { "type": "revoke", participant: ParticipantId, } | { "type": "lower_hand_of", participant: ParticipantId, } | { "type": "order_hands", participants: Array<ParticipantId>, } | { "type": "round_start", order: RoundOrder, 
/**
 * Seconds a turn is meant to take; none: untimed. Gentle: nothing is cut off.
 */
turn_seconds?: number, 
/**
 * Whether facilitators take a turn too.
 */
include_facilitators: boolean, } | { "type": "round_extend", seconds: number, } | { "type": "round_skip" } | { "type": "round_suspend_stop" } | { "type": "round_end" } | { "type": "open_asides", groups: Array<Array<ParticipantId>>, 
/**
 * None: until recalled.
 */
seconds?: number, } | { "type": "open_crisis_aside", participant: ParticipantId, } | { "type": "move", participant: ParticipantId, aside?: AsideId, } | { "type": "recall", aside?: AsideId, seconds: number, } | { "type": "keep_apart", one: ParticipantId, other: ParticipantId, apart: boolean, } | { "type": "step_to", segment: number, } | { "type": "override", settings: SegmentSettings, } | { "type": "change_format", format: string, } | { "type": "import_format", toml: string, } | { "type": "export_format" } | { "type": "set_ceiling", participant?: ParticipantId, level: Level, } | { "type": "lend_helper", participant: ParticipantId, on: boolean, } | { "type": "show_prompt", prompt?: Prompt, } | { "type": "start_timer", seconds: number, label: string, } | { "type": "stop_timer" } | { "type": "open_scale", question: string, } | { "type": "close_scale" } | { "type": "care_moment", on: boolean, } | { "type": "attest_attendance" } | { "type": "correct_attendance", participant: ParticipantId, minutes: number, 
/**
 * Why, in a few words.
 */
note: string, } | { "type": "answer_signal", signal: SignalId, text?: string, } | { "type": "breach", code: BreachCode, participant?: ParticipantId, } | { "type": "break", seconds: number, } | { "type": "end_break" } | { "type": "lock", locked: boolean, } | { "type": "freeze" } | { "type": "thaw", step: ThawStep, } | { "type": "remove", participant: ParticipantId, } | { "type": "undo_removal", participant: ParticipantId, } | { "type": "resume_room" } | { "type": "hand_over", participant: ParticipantId, } | { "type": "take_lead" } | { "type": "end", seconds: number, } | { "type": "cancel_end" } | { "type": "end_now", confirm?: string, } | { "type": "offer" } & MediaOffer | { "type": "view", tiles: Array<Tile>, } | { "type": "renew_media" };

export type HandKind = "speak" | "respond" | "question";

export type Reaction = "with_you" | "thank_you" | "well_done" | "me_too";

export type FloorMode = "open" | "hands" | "round" | "facilitator" | "quiet";

export type RoundOrder = { "type": "seated" } | { "type": "manual", participants: Array<ParticipantId>, } | { "type": "equity" };

/**
 * A thaw goes step by step, in this order.
 */
export type ThawStep = "microphones" | "cameras" | "chat";

/**
 * What the server sends.
 */
export type ServerFrame = { "type": "knocked", secret: Secret, } | { "type": "ground_rules" } & GroundRules | { "type": "waiting" } | { "type": "signal" } & DoorSignal | { "type": "seated", secret: Secret, } | { "type": "stand_by", now: Millis, signals: Array<Signal>, } | { "type": "snapshot", seq: number, view: RoomView, } | { "type": "delta", seq: number, changes: Array<Change>, } | { "type": "ok", request_id: RequestId, outcome?: Outcome, } | { "type": "refusal", 
/**
 * None where the frame could not be read as far as its id.
 */
request_id?: RequestId, refusal: Refusal, } | { "type": "pong", nonce: number, now: Millis, } | { "type": "bye" } & Bye;

export type GroundRules = { version: number, 
/**
 * Of the text, to be sent back with the agreement.
 */
hash: string, 
/**
 * One rule a line.
 */
rules: Array<string>, };

/**
 * What a request brought, where that is more than `ok`.
 */
export type Outcome = { "type": "answer", sdp: string, } | { "type": "confirm", word: string, } | { "type": "export" } & Export | { "type": "format", toml: string, };

export type Change = { "type": "participant" } & Participant | { "type": "left", participant: ParticipantId, } | { "type": "room" } & RoomState | { "type": "floor" } & Floor | { "type": "you" } & You | { "type": "desk" } & Desk | { "type": "slot" } & Slot | { "type": "speaking", participants: Array<ParticipantId>, } | { "type": "reaction", participant: ParticipantId, reaction: Reaction, } | { "type": "message" } & Message | { "type": "unsaid", message: MessageId, } | { "type": "scale_result" } & ScaleResult | { "type": "milestone", participant: ParticipantId, text: string, } | { "type": "notice", notice: Notice, };

/**
 * Something to be shown once.
 */
export type Notice = "new_device" | "confidentiality" | "breach" | "turn_ends_soon" | "recalled";

export type ByeReason = "ended" | "left" | "removed" | "not_now" | "replaced" | "restarting" | "flooding" | "bad_hello";

export type Bye = { reason: ByeReason, code?: RefusalCode, 
/**
 * A last card with neutral words and where to find help.
 */
card?: Card, };

export type Card = { title: string, text: string, 
/**
 * Where to find help at once.
 */
crisis_line: string, 
/**
 * Whom to ask.
 */
contact: string, };

/**
 * Why a request was not carried out. Stable on the wire; the message beside it is for people and may change.
 */
export type RefusalCode = "not_now" | "bad_ticket" | "version_unsupported" | "not_allowed" | "not_seated" | "not_found" | "changed" | "ground_rules_changed" | "frozen" | "on_hold" | "locked" | "full" | "not_possible" | "confirmation_needed" | "bad_format" | "too_fast" | "bad_message" | "unknown_message" | "too_large" | "bad_offer" | "stale_generation" | "media_unavailable" | "record_unavailable";

export type Refusal = { code: RefusalCode, 
/**
 * One plain sentence; reveals nothing about who is inside.
 */
message: string, };

/**
 * The room as one recipient may see it.
 */
export type RoomView = { now: Millis, you: You, 
/**
 * In the order of seats.
 */
participants: Array<Participant>, room: RoomState, floor: Floor, 
/**
 * For facilitators alone.
 */
desk?: Desk, };

/**
 * From the ticket alone; never claimed, inherited or elected.
 */
export type Role = "facilitator" | "cofacilitator" | "peer_lead" | "interpreter" | "member" | "observer";

/**
 * Why a gate is closed.
 */
export type Reason = "self" | "facilitator" | "floor" | "freeze" | "unattended" | "consent" | "ticket" | "level" | "ceiling" | "format" | "away";

export type You = { participant: ParticipantId, 
/**
 * Which media connection is the present one. Another number than that of the page's own: make a new one.
 */
media_generation: number, 
/**
 * What the ticket allows to be sent.
 */
publish: Array<Source>, 
/**
 * Why each of one's own gates is closed; an empty list is an open gate.
 */
gates: GateReasons, hand?: Hand, 
/**
 * The lead is offered back: `take_lead` accepts.
 */
lead_offered: boolean, 
/**
 * Opted in: the microphone may open by itself when the floor comes.
 */
open_on_turn: boolean, 
/**
 * A question to unmute stands until then: a facilitator asks, or the floor has come.
 */
asked_until?: Millis, 
/**
 * Chosen by oneself.
 */
level: Level, 
/**
 * Set by a facilitator.
 */
ceiling: Level, 
/**
 * One's signal for help, if there is one.
 */
signal?: OwnSignal, 
/**
 * One has told the facilitators that somebody may be watching.
 */
not_alone: boolean, 
/**
 * One is in a crisis aside while the room is paused by a freeze, a hold or a break, which do not reach there: the chat that one has.
 */
spared?: ChatPolicy, goal?: Goal, takes_feedback: boolean, 
/**
 * One's answer to the scale that is open.
 */
scale_answer?: number, };

export type GateReasons = { microphone: Array<Reason>, camera: Array<Reason>, screen: Array<Reason>, };

export type Participant = { id: ParticipantId, alias: string, role: Role, 
/**
 * Leads the session now.
 */
lead: boolean, 
/**
 * Which sources are open. Open means that it may be heard or seen, not that it is.
 */
open: OpenSources, 
/**
 * Absent too where the queue is private and one is not its facilitator or owner.
 */
hand?: Hand, 
/**
 * From the ticket: a facilitator's credential, or in which capacity somebody listens.
 */
title?: string, 
/**
 * The lead has lent them some of the desk.
 */
helper: boolean, 
/**
 * In this aside; absent: in the room.
 */
aside?: AsideId, 
/**
 * Sits at the device of this participant, whose gates are theirs.
 */
device?: ParticipantId, 
/**
 * Their own line for the session, where they share it.
 */
goal?: string, 
/**
 * Has opted in to feedback, and it is time for it.
 */
takes_feedback: boolean, };

export type OpenSources = { microphone: boolean, camera: boolean, screen: boolean, };

export type Hand = { kind: HandKind, 
/**
 * From 1.
 */
place: number, since: Millis, };

export type RoomState = { title: string, locked: boolean, frozen?: Frozen, 
/**
 * Nobody is in charge; everyone is gated until a facilitator goes on.
 */
hold?: Hold, 
/**
 * The session ends at this time.
 */
ends_at?: Millis, 
/**
 * Raised whenever who may listen changes.
 */
epoch: number, crisis_line: string, 
/**
 * Everyone but facilitators is closed until then.
 */
break_until?: Millis, 
/**
 * The format's title.
 */
format: string, segment?: Segment, 
/**
 * As it stands now: closed for members too by freeze and hold.
 */
chat: ChatPolicy, reactions: ReactionPolicy, hands: HandOrder, asides: Array<Aside>, prompt?: Prompt, timer?: Timer, scale?: Scale, care_moment: boolean, };

export type Frozen = { since: Millis, by: ParticipantId, 
/**
 * What is open again already.
 */
thawed: Array<ThawStep>, };

export type Hold = { since: Millis, 
/**
 * The session ends then, if nobody comes.
 */
ends_at: Millis, 
/**
 * A facilitator is back and may go on.
 */
may_resume: boolean, };

export type Floor = { mode: FloorMode, 
/**
 * Who has the floor by grant or by turn.
 */
speakers: Array<Speaker>, round?: Round, };

export type Speaker = { participant: ParticipantId, since: Millis, 
/**
 * Gentle: when the turn was meant to be over. Absent: untimed, or paused.
 */
until?: Millis, 
/**
 * The turn ends by itself at `until`.
 */
stops: boolean, };

export type Round = { 
/**
 * Who is still to come, in order.
 */
next: Array<ParticipantId>, 
/**
 * Suspended by freeze or hold, not lost.
 */
paused: boolean, };

/**
 * What facilitators alone see.
 */
export type Desk = { knocks: Array<Knock>, 
/**
 * For `admit_all`.
 */
knocks_version: number, 
/**
 * Why each gate is closed, for everyone on the roster.
 */
gates: Array<ParticipantGates>, 
/**
 * Who held a seat and is not connected now.
 */
away: Array<Away>, 
/**
 * Who was removed, for undo.
 */
removed: Array<Removed>, 
/**
 * Who was denied, for undo.
 */
denied: Array<Denied>, 
/**
 * Seats that count, held ones included.
 */
seats: number, capacity: number, 
/**
 * Private signals, until they are answered and for a while after.
 */
signals: Array<Signal>, kept_apart: Array<Pair>, 
/**
 * How long each was heard, those who leave no voice aside.
 */
heard: Array<Heard>, 
/**
 * Who was not heard yet and did not choose so.
 */
not_heard: Array<ParticipantId>, scale?: ScaleAnswers, 
/**
 * How the session was: sorted, without names, and only where at least five answered.
 */
ratings: Array<number>, agenda: Array<AgendaItem>, 
/**
 * By these names a format can be changed to.
 */
formats: Array<string>, 
/**
 * The number of the breach that is being dealt with.
 */
incident?: number, };

export type Knock = { id: KnockId, alias: string, role: Role, 
/**
 * Holds a seat already, on another device or tab: admitting moves the seat.
 */
new_device: boolean, 
/**
 * Would sit at the device of this participant.
 */
device?: ParticipantId, since: Millis, 
/**
 * Came after the start: collected without a sound.
 */
quiet: boolean, 
/**
 * The lock is in the way: `admit` needs `through_lock`.
 */
needs_through_lock: boolean, };

export type ParticipantGates = { participant: ParticipantId, gates: GateReasons, 
/**
 * Chosen by themselves.
 */
level: Level, 
/**
 * Set by a facilitator.
 */
ceiling: Level, };

export type Away = { participant: ParticipantId, alias: string, how: AwayHow, since: Millis, };

export type AwayHow = "left" | "dropped";

export type Removed = { participant: ParticipantId, alias: string, };

export type Denied = { knock: KnockId, alias: string, };

/**
 * Voiced time behind an open gate.
 */
export type Heard = { participant: ParticipantId, seconds: number, };

/**
 * How much somebody takes part: chosen by themselves, and bounded by a ceiling that a facilitator may set. In rising order.
 */
export type Level = "listen" | "text" | "voice" | "video";

/**
 * Who may write to whom in the chat. Text to facilitators is always possible.
 */
export type ChatPolicy = "facilitators" | "room" | "members";

export type ReactionPolicy = "off" | "with_you" | "all";

/**
 * Whose hand comes first.
 */
export type HandOrder = "fifo" | "equity" | "manual";

/**
 * What a part of the meeting is for.
 */
export type SegmentKind = "welcome" | "check_in" | "share" | "teaching" | "exercise" | "discussion" | "reading" | "feedback" | "commitments" | "repair" | "reflect" | "quiet" | "closing";

/**
 * What a segment sets and facilitators may override while it runs. What is left out stays as it is.
 */
export type SegmentSettings = { 
/**
 * What members may send. Opens nothing that another rule closed.
 */
sources?: Array<Source>, chat?: ChatPolicy, reactions?: ReactionPolicy, hands?: HandOrder, };

/**
 * The part of the meeting that runs.
 */
export type Segment = { 
/**
 * In the agenda, from 0.
 */
index: number, kind: SegmentKind, title: string, prompt?: string, 
/**
 * Gentle: when it was meant to be over.
 */
until?: Millis, };

/**
 * A part of the agenda, as facilitators see it ahead.
 */
export type AgendaItem = { kind: SegmentKind, title: string, seconds?: number, };

/**
 * A smaller space beside the room. Media never cross from one space to another.
 */
export type AsideId = number;

/**
 * An aside that is open. Who is in it stands with the participants: nobody is hidden.
 */
export type Aside = { id: AsideId, 
/**
 * Everyone is back in the room then. Absent: untimed.
 */
ends_at?: Millis, };

/**
 * Two who are not to be in one aside.
 */
export type Pair = { one: ParticipantId, other: ParticipantId, };

export type SignalId = number;

export type SignalKind = "distress" | "not_alone";

/**
 * A member's private signal, as facilitators alone see it.
 */
export type Signal = { id: SignalId, kind: SignalKind, 
/**
 * Of somebody who has a seat, or had one.
 */
participant?: ParticipantId, 
/**
 * Of somebody at the door.
 */
knock?: KnockId, alias: string, since: Millis, 
/**
 * How often it was repeated for want of an answer.
 */
repeated: number, answered_by?: ParticipantId, };

/**
 * One's own signal for help, as one sees it oneself.
 */
export type OwnSignal = { since: Millis, state: OwnSignalState, };

export type OwnSignalState = "sent" | "answered" | "unanswered";

/**
 * The same for somebody who sees nothing of the room: at the door, or barred for want of agreement to the ground rules.
 */
export type DoorSignal = { since: Millis, state: OwnSignalState, 
/**
 * To be shown with it, whatever its state.
 */
crisis_line: string, };

/**
 * What somebody did against the group's confidentiality.
 */
export type BreachCode = "recording" | "screenshot" | "somebody_listening" | "told_outside" | "identified" | "other";

export type MessageId = number;

/**
 * To whom something is written.
 */
export type Audience = { "type": "room" } | { "type": "everywhere" } | { "type": "facilitators" } | { "type": "team" } | { "type": "participant", participant: ParticipantId, };

export type MessageKind = "chat" | "turn" | "answer" | "feedback";

/**
 * Kept nowhere: whoever comes later does not see it.
 */
export type Message = { id: MessageId, from: ParticipantId, to: Audience, kind: MessageKind, text: string, at: Millis, };

/**
 * A card with something to think about, for everyone.
 */
export type Prompt = { title: string, text: string, };

/**
 * Gentle: nothing happens when it is over.
 */
export type Timer = { label: string, ends_at: Millis, };

/**
 * A question answered from 0 to 10.
 */
export type Scale = { question: string, };

/**
 * Without names and without order. To all only where at least five answered.
 */
export type ScaleResult = { question: string, 
/**
 * Sorted.
 */
values: Array<number>, };

/**
 * A scale as facilitators see it while it is open.
 */
export type ScaleAnswers = { answered: number, 
/**
 * Who wants the facilitator to know that it is they.
 */
named: Array<NamedAnswer>, };

export type NamedAnswer = { participant: ParticipantId, value: number, };

/**
 * One's own line for this session.
 */
export type Goal = { text: string, 
/**
 * The others may read it.
 */
shared: boolean, };

/**
 * What belongs to one member of this session, to be taken along.
 */
export type Export = { goal?: string, milestones: Array<string>, 
/**
 * As it was written, without names.
 */
feedback: Array<string>, };
