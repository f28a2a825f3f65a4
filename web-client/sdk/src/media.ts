import { Connection, type Line } from './connection';
import { Events } from './events';
import type { MediaOffer, Source } from './generated/protocol';
import type { MediaState } from './own';
import { Refusal } from './refusal';
import type { Surroundings } from './surroundings';

/** How media reach the server. */
export interface MediaWay {
  /** Resolves with the answer. */
  offer(offer: MediaOffer): Promise<string>;
  /** Asks for a new generation. */
  renew(): Promise<void>;
  /** Whether the server can be asked at all just now. */
  open(): boolean;
}

export interface MediaEvents {
  state: MediaState;
  /** The receive-only media lines of a new connection, or more of them. */
  lines: readonly Line[];
  /** The server has this connection, as it was offered. */
  answered: undefined;
  /** The connection is gone, and all its lines with it. */
  gone: undefined;
}

type Timer = ReturnType<typeof setTimeout>;

/** What most people may send; who may send something else has a connection made for it. */
const USUAL: readonly Source[] = ['microphone', 'camera'];

/** The one media connection of this browser. It makes every offer, heals itself, and is made anew when it cannot be healed. */
export class Media extends Events<MediaEvents> {
  #connection: Connection | undefined;
  #prepared: Connection | undefined;
  #generation: number | undefined;
  #state: MediaState = 'none';
  #negotiation: Promise<void> = Promise.resolve();
  #answered: Promise<void> = Promise.resolve();
  #handleAnswered = (): void => undefined;
  #healing: Timer | undefined;
  readonly #tracks = new Map<Source, MediaStreamTrack>();

  constructor(
    private readonly around: Surroundings,
    private readonly way: MediaWay,
  ) {
    super();
  }

  get state(): MediaState {
    return this.#state;
  }

  /** Of a connection that is worth keeping. */
  get generation(): number | undefined {
    return this.#connection?.connected ? this.#generation : undefined;
  }

  /** Resolves once a new connection has the server's answer, or cannot have it. */
  get answered(): Promise<void> {
    return this.#answered;
  }

  /** While somebody reads or waits there is time for what would keep them waiting later. */
  prepare(): void {
    if (this.#connection) return;
    this.#prepared ??= new Connection(this.around.openPeer(), USUAL);
    this.#prepared.prepare();
  }

  /** To be called with every new view: makes the connection that it calls for, and keeps the one that is still right. */
  follow(generation: number, publish: readonly Source[], others: number): void {
    if (!this.#connection || this.#generation !== generation) this.#begin(generation, publish);
    else if (this.#state === 'interrupted') this.#watch();
    if (this.#connection?.makeRoom(others)) void this.#negotiate();
  }

  /** What the server hears or sees of this source; undefined: nothing. Needs no negotiation, but for the first screen. */
  async send(source: Source, track: MediaStreamTrack | undefined): Promise<void> {
    if (track) this.#tracks.set(source, track);
    else this.#tracks.delete(source);
    const connection = this.#connection;
    if (!connection) return;
    const replaced = connection.replace(source, track);
    if (replaced || !track) return replaced;
    connection.addSender(source);
    void connection.replace(source, track);
    await this.#negotiate();
  }

  close(): void {
    this.#drop();
    this.#become('none');
  }

  #begin(generation: number, publish: readonly Source[]): void {
    const sources = publish.filter((source) => source !== 'screen' || this.#tracks.has(source));
    const prepared = this.#prepared?.sends(sources) ? this.#prepared : undefined;
    if (prepared) this.#prepared = undefined;
    this.#drop();
    const connection = prepared ?? new Connection(this.around.openPeer(), sources);
    this.#connection = connection;
    this.#generation = generation;
    this.#negotiation = Promise.resolve();
    this.#answered = new Promise((resolve) => (this.#handleAnswered = resolve));
    connection.peer.onconnectionstatechange = () => this.#handleState(connection.peer.connectionState);
    for (const source of sources) void connection.replace(source, this.#tracks.get(source));
    this.#become(this.#state === 'none' ? 'connecting' : 'interrupted');
    void this.#negotiate();
    this.#healing = setTimeout(() => this.#renew(connection), this.around.timing.healing);
  }

  #drop(): void {
    clearTimeout(this.#healing);
    this.#healing = undefined;
    this.#prepared?.close();
    this.#prepared = undefined;
    this.#connection?.close();
    this.#connection = undefined;
    this.#handleAnswered();
    this.emit('gone', undefined);
  }

  /** One at a time: an offer is answered before the next one is made. */
  #negotiate(): Promise<void> {
    const connection = this.#connection;
    this.#negotiation = this.#negotiation.then(async () => {
      if (!connection || this.#connection !== connection) return;
      try {
        await this.#exchange(connection);
      } catch (error) {
        if (this.#connection === connection) this.#handleFailure(error);
      }
    });
    return this.#negotiation;
  }

  async #exchange(connection: Connection): Promise<void> {
    const generation = this.#generation ?? 0;
    const sdp = await connection.describe();
    if (this.#connection !== connection) return;
    this.emit('lines', connection.lines);
    const answer = await this.way.offer({ generation, sdp, tracks: connection.labels });
    if (this.#connection !== connection) return;
    await connection.accept(answer);
    this.#handleAnswered();
    this.emit('answered', undefined);
  }

  #handleFailure(error: unknown): void {
    this.#handleAnswered();
    // A later generation is on its way already.
    if (error instanceof Refusal && (error.code === 'stale_generation' || error.code === 'closed')) return;
    this.#become('interrupted');
    this.#watch();
  }

  #handleState(state: RTCPeerConnectionState): void {
    switch (state) {
      case 'connected':
        clearTimeout(this.#healing);
        this.#healing = undefined;
        return this.#become('connected');
      case 'disconnected':
      case 'failed':
        this.#become('interrupted');
        return this.#watch();
      case 'new':
      case 'connecting':
      case 'closed':
        return;
    }
  }

  /** First patience, then an ICE restart, then a new connection. Without signalling nothing can be done: coming back looks after it. */
  #watch(): void {
    const connection = this.#connection;
    if (this.#healing || !connection) return;
    this.#healing = setTimeout(() => this.#restart(connection), this.around.timing.patience);
  }

  #restart(connection: Connection): void {
    this.#healing = undefined;
    if (this.#connection !== connection || connection.connected) return;
    if (this.way.open() && connection.established) {
      connection.peer.restartIce();
      void this.#negotiate();
    }
    this.#healing = setTimeout(() => this.#renew(connection), this.around.timing.healing);
  }

  #renew(connection: Connection): void {
    this.#healing = undefined;
    if (this.#connection !== connection || connection.connected) return;
    this.#become('interrupted');
    if (this.way.open()) this.way.renew().catch(() => undefined);
    this.#watch();
  }

  #become(state: MediaState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.emit('state', state);
  }
}
