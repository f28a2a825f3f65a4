import { chat, type Chat } from './chat';
import { Consent } from './consent';
import { facilitatorDesk, type FacilitatorDesk } from './desk';
import { Devices } from './devices';
import { Events } from './events';
import type {
  Bye,
  Change,
  Credential,
  GroundRules,
  HandKind,
  Level,
  Notice,
  Outcome,
  ParticipantId,
  Reaction,
  Request,
  RoomView,
  ScaleResult,
  Signal,
  Tile,
} from './generated/protocol';
import { Help } from './help';
import type { Link } from './links';
import { Media } from './media';
import { mine, type Mine } from './mine';
import { Own, type MediaState, type OwnSources } from './own';
import type { Phase } from './phase';
import { forgetPlace, keepLine, keptLine, keptPlace } from './place';
import { Refusal } from './refusal';
import type { Ask } from './requests';
import { Signalling } from './signalling';
import { Slots, type Picture } from './slots';
import { Sound } from './sound';
import { afterChanges, fromSnapshot, type View } from './state';
import { theBrowser, type Surroundings } from './surroundings';

export interface SessionEvents {
  phase: Phase;
  view: View;
  own: OwnSources;
  media: MediaState;
  notice: Notice;
  /** Shown for a moment and kept nowhere. */
  reaction: { readonly participant: ParticipantId; readonly reaction: Reaction };
  /** Told once, and kept nowhere. */
  milestone: { readonly participant: ParticipantId; readonly text: string };
  scaleResult: ScaleResult;
  /** Ground rules that changed while one is seated, to be agreed to with `acceptGroundRules`; undefined: none any more. */
  newRules: GroundRules | undefined;
  /** The calls for help that a facilitator sees who stands by; undefined: the room is open to them, or the line is lost. */
  standby: readonly Signal[] | undefined;
  /** Whether the browser wants a click before it plays sound: then show one and call `allowSound`. */
  soundBlocked: boolean;
}

export interface SessionOptions {
  readonly devices?: Devices;
  readonly surroundings?: Surroundings;
}

/** One person's way through one session, from the link to the goodbye. Used once. */
export class Session extends Events<SessionEvents> {
  readonly devices: Devices;
  /** What facilitators may do. */
  readonly desk: FacilitatorDesk;
  readonly chat: Chat;
  /** Private signals, from the door on. */
  readonly help: Help;
  readonly mine: Mine;

  readonly #around: Surroundings;
  readonly #consent: Consent;
  readonly #media: Media;
  readonly #own: Own;
  readonly #slots: Slots;
  readonly #sound = new Sound();
  #signalling: Signalling | undefined;
  #link: Link | undefined;
  #phase: Phase = { name: 'idle' };
  #view: View | undefined;
  #standby: readonly Signal[] | undefined;
  #crisisLine = '';

  constructor({ devices = new Devices(), surroundings = theBrowser() }: SessionOptions = {}) {
    super();
    this.devices = devices;
    this.#around = surroundings;
    const ask: Ask = (request) => this.#ask(request);
    this.desk = facilitatorDesk(ask, () => this.#view?.desk?.knocks_version ?? 0);
    this.chat = chat(ask);
    this.help = new Help(ask, surroundings.timing, surroundings.storage);
    this.mine = mine(ask);
    this.#consent = new Consent(ask);
    this.#media = new Media(surroundings, {
      offer: async (offer) => {
        const outcome = await this.#ask({ type: 'offer', ...offer }, { again: false });
        if (outcome?.type !== 'answer') throw new Refusal('bad_offer', 'The server gave no answer.');
        return outcome.sdp;
      },
      renew: async () => void (await this.#ask({ type: 'renew_media' }, { again: false })),
      open: () => this.#signalling?.welcome ?? false,
    });
    const tell = (tiles: Tile[]) => void this.#ask({ type: 'view', tiles }, { again: false }).catch(() => undefined);
    this.#slots = new Slots(tell, surroundings.timing.view, surroundings.now);
    this.#own = new Own(devices, {
      send: (source, track) => this.#media.send(source, track),
      ask: (request, how) => this.#ask(request, how),
    });
    this.#listen();
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Undefined until there is a seat. Stays as it was last while reconnecting. */
  get view(): View | undefined {
    return this.#view;
  }

  /**
   * While the server cannot keep its record, a facilitator who comes is told who calls for help, and nothing else of the room: the phase
   * is `standing_by`, or, with a view from before, `reconnecting`.
   */
  get standby(): readonly Signal[] | undefined {
    return this.#standby;
  }

  get own(): OwnSources {
    return this.#own.sources;
  }

  get media(): MediaState {
    return this.#media.state;
  }

  get soundBlocked(): boolean {
    return this.#sound.blocked;
  }

  /** Where to find help at once, as far as it is known: from the link at the door, from the room inside. */
  get crisisLine(): string {
    return this.#view?.room.crisis_line ?? this.#crisisLine;
  }

  /** Milliseconds on the session's clock: `until - now()` is what is left of a turn. */
  now(): number {
    return this.#signalling?.clock.now() ?? 0;
  }

  /** Whether this tab has a place to come back to, after a reload. */
  static hasPlace(storage: Storage = sessionStorage): boolean {
    return keptPlace(storage) !== undefined;
  }

  /** Comes back to that place. */
  resume(): void {
    const place = keptPlace(this.#around.storage);
    if (!place) return;
    this.#crisisLine = keptLine(this.#around.storage);
    this.#enter(place.room, place.credential);
    this.help.handleReload();
  }

  /** Redeems the link and knocks. Rejects where the link is not good; the phase is then `idle` again. */
  async join(link: Link): Promise<void> {
    this.#become({ name: 'connecting' });
    this.#link = link;
    this.help.handleJoin();
    try {
      const { room, ticket, crisis_line } = await link.redeem();
      this.#crisisLine = crisis_line ?? '';
      keepLine(this.#around.storage, this.#crisisLine);
      this.#enter(room, { type: 'ticket', ticket });
    } catch (error) {
      this.#become({ name: 'idle' });
      throw error;
    }
  }

  async acceptGroundRules(): Promise<void> {
    if (await this.#consent.accept()) this.emit('newRules', undefined);
  }

  /** The present ground rules, to be shown to whoever joins at this device. */
  groundRules(): Promise<GroundRules> {
    return this.#consent.present().finally(() => this.emit('newRules', this.#consent.due));
  }

  /** Another person sits at this device, with a link of their own, and has agreed to these rules. */
  async shareDevice(link: Link, { version, hash }: GroundRules): Promise<void> {
    const { ticket } = await link.redeem();
    await this.#tell({ type: 'share_device', ticket, version, hash });
  }

  unshareDevice(participant: ParticipantId): Promise<void> {
    return this.#tell({ type: 'unshare_device', participant });
  }

  /** How much one wants to take part. Lower closes at once, higher opens nothing by itself. */
  setLevel(level: Level): Promise<void> {
    return this.#tell({ type: 'set_level', level });
  }

  /** Opens the device where needed. Turning on is refused where something else keeps the gate closed. */
  setMicrophone(on: boolean): Promise<void> {
    return this.#own.set('microphone', on);
  }

  setCamera(on: boolean): Promise<void> {
    return this.#own.set('camera', on);
  }

  setScreen(on: boolean): Promise<void> {
    return this.#own.set('screen', on);
  }

  /** Whether the microphone may open by itself when one's turn comes, if it was left on. */
  openOnTurn(on: boolean): Promise<void> {
    return this.#tell({ type: 'open_on_turn', on });
  }

  react(reaction: Reaction): Promise<void> {
    return this.#tell({ type: 'react', reaction });
  }

  raiseHand(kind: HandKind = 'speak'): Promise<void> {
    return this.#tell({ type: 'raise_hand', kind });
  }

  lowerHand(): Promise<void> {
    return this.#tell({ type: 'lower_hand' });
  }

  yieldFloor(): Promise<void> {
    return this.#tell({ type: 'yield' });
  }

  pass(): Promise<void> {
    return this.#tell({ type: 'pass' });
  }

  defer(): Promise<void> {
    return this.#tell({ type: 'defer' });
  }

  /** Gives the seat up, and forgets it. Always succeeds here, whatever the connection does. */
  async leave(): Promise<void> {
    const asked = this.#tell({ type: 'leave' }).catch(() => undefined);
    await Promise.race([asked, after(this.#around.timing.goodbye)]);
    this.#signalling?.close();
    forgetPlace(this.#around.storage);
    this.#end({ name: 'closed', reason: 'left' });
  }

  /**
   * Shows a participant's picture in `element`, and tells the server how large it is. The element stays transparent until the
   * picture is truly this participant's. The function that comes back ends it.
   */
  show(element: HTMLVideoElement, picture: Picture): () => void {
    return this.#slots.show(element, picture);
  }

  /** To be called in a click, after `soundBlocked`. */
  allowSound(): void {
    this.#sound.allow();
  }

  #listen(): void {
    this.#media.on('lines', (lines) => {
      this.#slots.handleLines(lines);
      this.#sound.handleLines(lines);
    });
    this.#media.on('answered', () => this.#slots.tellAgain());
    this.#media.on('gone', () => {
      this.#slots.handleGone();
      this.#sound.handleGone();
    });
    this.#media.on('state', (state) => this.emit('media', state));
    this.#own.on('change', (sources) => this.emit('own', sources));
    this.#sound.on('blocked', (blocked) => this.emit('soundBlocked', blocked));
  }

  #enter(room: string, credential: Credential): void {
    this.#become({ name: 'connecting' });
    const signalling = new Signalling(this.#around, room, credential, () => this.#media.generation);
    this.#signalling = signalling;
    signalling.on('ground_rules', (rules) => this.#handleGroundRules(rules));
    signalling.on('waiting', () => this.#handleWaiting());
    signalling.on('signal', (signal) => this.help.handleTold(signal));
    signalling.on('stand_by', (signals) => this.#handleStandBy(signals));
    signalling.on('snapshot', (snapshot) => this.#handleSnapshot(snapshot));
    signalling.on('changes', (changes) => this.#handleChanges(changes));
    signalling.on('lost', () => this.#handleLost());
    signalling.on('closed', (why) => this.#handleClosed(why));
  }

  #handleGroundRules(rules: GroundRules): void {
    this.#consent.handleRules(rules);
    // Who is seated agrees at their seat.
    if (this.#view) return this.emit('newRules', rules);
    this.#become({ name: 'ground_rules', rules });
    this.help.handleBack(undefined);
    this.#media.prepare();
  }

  #handleWaiting(): void {
    if (this.#phase.name === 'waiting') return;
    // Sent back to the door: the seat is not theirs any more, and nothing of theirs goes out.
    if (this.#view) this.#leaveRoom();
    this.#become({ name: 'waiting' });
    this.help.handleBack(undefined);
    this.#media.prepare();
  }

  #handleStandBy(signals: readonly Signal[]): void {
    this.#setStandby(signals);
    if (!this.#view) return this.#become({ name: 'standing_by' });
    const { desk } = this.#view;
    if (!desk) return;
    this.#view = { ...this.#view, desk: { ...desk, signals: [...signals] } };
    this.emit('view', this.#view);
  }

  #handleSnapshot(snapshot: RoomView): void {
    this.#setStandby(undefined);
    this.help.handleBack(snapshot.you);
    this.#view = fromSnapshot(snapshot, this.#view);
    keepLine(this.#around.storage, snapshot.room.crisis_line);
    this.#handleView();
    if (this.#phase.name === 'seated') return this.emit('view', this.#view);
    this.#slots.tellAgain();
    this.#own.handleReturn(snapshot.you);
    // To draw a room takes a page longer than to connect its media: they go first, but nobody waits long for them.
    void Promise.race([this.#media.answered, after(this.#around.timing.draw)]).then(() => this.#arrive());
  }

  #arrive(): void {
    if (!this.#view || !this.#signalling?.welcome || this.#phase.name === 'seated') return;
    this.#become({ name: 'seated' });
    if (this.#consent.due) this.emit('newRules', this.#consent.due);
    this.emit('view', this.#view);
  }

  #handleChanges(changes: readonly Change[]): void {
    if (!this.#view) return;
    const before = this.#view;
    this.#view = afterChanges(before, changes);
    for (const change of changes) {
      this.#handleEvent(change);
    }
    if (this.#view.you !== before.you || this.#view.participants !== before.participants) this.#handleView();
    if (this.#view !== before && this.#phase.name === 'seated') this.emit('view', this.#view);
  }

  /** What happens beside the view. */
  #handleEvent(change: Change): void {
    switch (change.type) {
      case 'slot':
        return this.#slots.handleSlot(change);
      case 'notice':
        return this.emit('notice', change.notice);
      case 'reaction':
        return this.emit('reaction', change);
      case 'scale_result':
        return this.emit('scaleResult', change);
      case 'milestone':
        return this.emit('milestone', change);
      case 'participant':
      case 'left':
      case 'room':
      case 'floor':
      case 'you':
      case 'desk':
      case 'speaking':
      case 'message':
      case 'unsaid':
        return;
    }
  }

  #handleView(): void {
    if (!this.#view) return;
    const { you, participants } = this.#view;
    this.help.handleSignal(you.signal);
    this.#own.handleYou(you);
    this.#media.follow(you.media_generation, you.publish, participants.length - 1);
  }

  #handleLost(): void {
    const { name } = this.#phase;
    this.#setStandby(undefined);
    if (name === 'ground_rules' || name === 'waiting' || name === 'standing_by' || name === 'seated')
      this.#become({ name: 'reconnecting', from: name });
    this.help.handleLost();
  }

  #handleClosed(why: Bye | 'unreachable'): void {
    if (why === 'unreachable') return this.#end({ name: 'closed', reason: why });
    const unknown = why.code === 'bad_ticket';
    if (unknown && this.#link) return this.#joinAgain(this.#link);
    this.#end({ name: 'closed', reason: unknown ? 'not_now' : why.reason, ...(why.card && { card: why.card }) });
  }

  /** The connection was lost after the ticket was spent and before the secret came: once more, with a fresh one. */
  #joinAgain(link: Link): void {
    this.join(link).catch((error: unknown) => {
      const bad = error instanceof Refusal && error.code === 'bad_link';
      this.#end({ name: 'closed', reason: bad ? 'not_now' : 'unreachable' });
    });
    this.#link = undefined;
  }

  #end(closed: Extract<Phase, { name: 'closed' }>): void {
    if (this.#phase.name === 'closed') return;
    this.#leaveRoom();
    this.#become(closed);
  }

  #leaveRoom(): void {
    this.#own.handleClosed();
    this.#media.close();
    this.#slots.close();
    this.#view = undefined;
  }

  #setStandby(signals: readonly Signal[] | undefined): void {
    if (this.#standby === signals) return;
    this.#standby = signals;
    this.emit('standby', signals);
  }

  #ask(request: Request, how?: { again: boolean }): Promise<Outcome | undefined> {
    if (!this.#signalling) return Promise.reject(new Refusal('closed', 'There is no session yet.'));
    return this.#signalling.request(request, how);
  }

  async #tell(request: Request): Promise<void> {
    await this.#ask(request);
  }

  #become(phase: Phase): void {
    this.#phase = phase;
    this.emit('phase', phase);
  }
}

function after(milliseconds: number): Promise<void> {
  return new Promise((over) => setTimeout(over, milliseconds));
}
