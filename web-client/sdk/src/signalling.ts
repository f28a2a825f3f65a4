import { Clock } from './clock';
import { Events } from './events';
import {
  VERSION,
  type Bye,
  type ByeReason,
  type Change,
  type ClientFrame,
  type Credential,
  type DoorSignal,
  type GroundRules,
  type Hello,
  type Outcome,
  type Request,
  type RoomView,
  type ServerFrame,
  type Signal,
} from './generated/protocol';
import { forgetPlace, keepPlace } from './place';
import { Refusal } from './refusal';
import { Requests } from './requests';
import type { Surroundings } from './surroundings';

export interface SignallingEvents {
  ground_rules: GroundRules;
  waiting: undefined;
  /** At the door: where one's signal for help stands. */
  signal: DoorSignal;
  /** Come in, but the server cannot keep its record: these calls for help, and nothing else until it can. */
  stand_by: readonly Signal[];
  snapshot: RoomView;
  changes: readonly Change[];
  /** The connection is gone; another one is being made. */
  lost: undefined;
  /** Final: nothing comes after it. */
  closed: Bye | 'unreachable';
}

/** How the server closes when its last words were lost on the way. */
const REASONS: Partial<Record<number, ByeReason>> = {
  4000: 'ended',
  4001: 'left',
  4002: 'removed',
  4003: 'not_now',
  4004: 'replaced',
  4006: 'flooding',
  4007: 'bad_hello',
};

/**
 * One WebSocket after the other, as one lasting connection to a room. It comes back by itself, with the newest secret, until the
 * server says a final goodbye.
 */
export class Signalling extends Events<SignallingEvents> {
  readonly clock: Clock;
  readonly #requests: Requests;
  #socket: WebSocket | undefined;
  /** Whether the server has taken the hello, so that requests mean something. */
  #welcome = false;
  #seq: number | undefined;
  #heard = 0;
  #pings = new Map<number, number>();
  #nonce = 0;
  #tries = 0;
  #everWelcome = false;
  #over = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  readonly #pulse: ReturnType<typeof setInterval>;
  readonly #giveUp: ReturnType<typeof setTimeout>;
  readonly #endOnline: () => void;

  /** `mediaGeneration`: of the media connection that is still held and alive. */
  constructor(
    private readonly around: Surroundings,
    private readonly room: string,
    private credential: Credential,
    private readonly mediaGeneration: () => number | undefined,
  ) {
    super();
    const { timing } = around;
    this.clock = new Clock(() => around.now());
    this.#requests = new Requests(timing.answer);
    this.#pulse = setInterval(() => this.#beat(), timing.ping);
    this.#giveUp = setTimeout(() => {
      if (!this.#everWelcome) this.#close('unreachable');
    }, timing.reach);
    this.#endOnline = around.onOnline(() => {
      if (!this.#socket) this.#connect();
    });
    this.#connect();
  }

  get welcome(): boolean {
    return this.#welcome;
  }

  /** `again: false`: not to be repeated on another connection. */
  request(request: Request, { again = true } = {}): Promise<Outcome | undefined> {
    if (this.#over) return Promise.reject(new Refusal('closed', 'You are not in the session any more.'));
    const { id, answer } = this.#requests.add(request, again);
    if (this.#welcome) this.#send({ type: 'request', request_id: id, request });
    else if (!again) this.#requests.handleLost();
    return answer;
  }

  /** Goes away without a word. The place stays kept. */
  close(): void {
    this.#over = true;
    this.#welcome = false;
    clearInterval(this.#pulse);
    clearTimeout(this.#giveUp);
    clearTimeout(this.#retry);
    this.#endOnline();
    this.#requests.handleClosed();
    this.#drop();
  }

  #connect(): void {
    clearTimeout(this.#retry);
    const { origin, openSocket, now } = this.around;
    const socket = openSocket(`${origin.replace(/^http/, 'ws')}/v1/room/${encodeURIComponent(this.room)}`);
    this.#socket = socket;
    this.#seq = undefined;
    this.#heard = now();
    this.#pings.clear();
    const present = (act: () => void) => () => {
      if (this.#socket === socket) act();
    };
    socket.onopen = present(() => this.#hello());
    socket.onclose = ({ code }) => present(() => this.#handleClose(code))();
    socket.onmessage = ({ data }) => present(() => this.#handle(JSON.parse(String(data)) as ServerFrame))();
  }

  #hello(): void {
    const media_generation = this.mediaGeneration();
    const hello: Hello = { version: VERSION, credential: this.credential };
    if (media_generation !== undefined) hello.media_generation = media_generation;
    this.#send({ type: 'hello', ...hello });
  }

  #send(frame: ClientFrame): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  #handle(frame: ServerFrame): void {
    this.#heard = this.around.now();
    switch (frame.type) {
      case 'knocked':
        this.#keep({ type: 'waiting', secret: frame.secret });
        return this.#handleWelcome();
      case 'stand_by':
        this.#handleWelcome();
        this.clock.handleSnapshot(frame.now);
        return this.emit('stand_by', frame.signals);
      case 'ground_rules':
        // Before `knocked`, while the server cannot keep its record.
        this.#handleWelcome();
        return this.emit('ground_rules', { version: frame.version, hash: frame.hash, rules: frame.rules });
      case 'waiting':
        return this.emit('waiting', undefined);
      case 'signal':
        return this.emit('signal', { since: frame.since, state: frame.state, crisis_line: frame.crisis_line });
      case 'seated':
        this.#keep({ type: 'resume', secret: frame.secret });
        return this.#handleWelcome();
      case 'snapshot':
        this.#seq = frame.seq;
        this.clock.handleSnapshot(frame.view.now);
        return this.emit('snapshot', frame.view);
      case 'delta':
        // Something was lost on the way: a new connection brings a whole view.
        if (this.#seq === undefined || frame.seq !== this.#seq + 1) return this.#lose();
        this.#seq = frame.seq;
        return this.emit('changes', frame.changes);
      case 'ok':
        return this.#requests.resolve(frame.request_id, frame.outcome);
      case 'refusal': {
        const { code, message } = frame.refusal;
        if (frame.request_id !== undefined) this.#requests.refuse(frame.request_id, new Refusal(code, message));
        return;
      }
      case 'pong':
        return this.#handlePong(frame.nonce, frame.now);
      case 'bye':
        return this.#handleBye(frame);
    }
  }

  #keep(credential: Exclude<Credential, { type: 'ticket' }>): void {
    this.credential = credential;
    keepPlace(this.around.storage, { room: this.room, credential });
  }

  #handleWelcome(): void {
    if (this.#welcome) return;
    this.#welcome = true;
    this.#everWelcome = true;
    this.#tries = 0;
    this.#beat();
    for (const { id, request } of this.#requests.unanswered()) this.#send({ type: 'request', request_id: id, request });
  }

  #handlePong(nonce: number, now: number): void {
    const sent = this.#pings.get(nonce);
    this.#pings.delete(nonce);
    if (sent !== undefined) this.clock.handlePong(now, sent);
  }

  #handleBye(bye: Bye): void {
    if (bye.reason === 'restarting') return this.#lose();
    this.#close(bye);
  }

  #handleClose(code: number): void {
    const reason = REASONS[code];
    if (reason) this.#close({ reason });
    else this.#lose();
  }

  #beat(): void {
    if (!this.#socket) return;
    const now = this.around.now();
    if (now - this.#heard > this.around.timing.dead) return this.#lose();
    if (!this.#welcome) return;
    const nonce = this.#nonce++;
    this.#pings.set(nonce, now);
    this.#send({ type: 'ping', nonce });
  }

  #lose(): void {
    this.#drop();
    this.#welcome = false;
    this.#requests.handleLost();
    const { retryFirst, retryMax } = this.around.timing;
    const pause = Math.min(retryMax, retryFirst * 2 ** this.#tries++) * (0.5 + this.around.random() / 2);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), pause);
    this.emit('lost', undefined);
  }

  #close(why: Bye | 'unreachable'): void {
    this.close();
    forgetPlace(this.around.storage);
    this.emit('closed', why);
  }

  /** A socket that is let go of is not listened to any more. */
  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket && socket.readyState <= 1) socket.close();
  }
}
