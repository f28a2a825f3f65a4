import { Events } from './events';
import type { MediaOffer, Source } from './generated/protocol';
import { addSending, addSlots, AUDIO_SLOTS, forSpeech, VIDEO_SLOTS, VIDEO_SLOTS_MAX } from './offer';
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

export interface Line {
  readonly mid: string;
  readonly receiver: RTCRtpReceiver;
}

type Timer = ReturnType<typeof setTimeout>;

/** The one media connection of this browser. It makes every offer, heals itself, and is made anew when it cannot be healed. */
export class Media extends Events<MediaEvents> {
  #peer: RTCPeerConnection | undefined;
  #generation: number | undefined;
  #state: MediaState = 'none';
  #senders = new Map<Source, RTCRtpTransceiver>();
  #slots: RTCRtpTransceiver[] = [];
  #negotiation: Promise<void> = Promise.resolve();
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
    return this.#peer?.connectionState === 'connected' ? this.#generation : undefined;
  }

  /** To be called with every new view: makes the connection that it calls for, and keeps the one that is still right. */
  follow(generation: number, publish: readonly Source[], others: number): void {
    if (!this.#peer || this.#generation !== generation) this.#begin(generation, publish);
    else if (this.#state === 'interrupted') this.#watch();
    this.#makeRoom(others);
  }

  /** What the server hears or sees of this source; undefined: nothing. Needs no negotiation, but for the first screen. */
  async send(source: Source, track: MediaStreamTrack | undefined): Promise<void> {
    if (track) this.#tracks.set(source, track);
    else this.#tracks.delete(source);
    if (!this.#peer) return;
    const sender = this.#senders.get(source);
    if (sender) return sender.sender.replaceTrack(track ?? null);
    if (!track) return;
    this.#addSender(this.#peer, source);
    await this.#negotiate();
  }

  close(): void {
    clearTimeout(this.#healing);
    this.#healing = undefined;
    this.#peer?.close();
    this.#peer = undefined;
    this.#senders.clear();
    this.#slots = [];
    this.#become('none');
    this.emit('gone', undefined);
  }

  #begin(generation: number, publish: readonly Source[]): void {
    if (this.#peer) this.close();
    const peer = this.around.openPeer();
    this.#peer = peer;
    this.#generation = generation;
    this.#negotiation = Promise.resolve();
    peer.onconnectionstatechange = () => {
      if (this.#peer === peer) this.#handleState(peer.connectionState);
    };
    for (const source of publish) if (source !== 'screen' || this.#tracks.has(source)) this.#addSender(peer, source);
    this.#slots = [...addSlots(peer, 'audio', AUDIO_SLOTS), ...addSlots(peer, 'video', VIDEO_SLOTS)];
    this.#become('connecting');
    void this.#negotiate();
    this.#healing = setTimeout(() => this.#renew(peer), this.around.timing.healing);
  }

  #addSender(peer: RTCPeerConnection, source: Source): void {
    const transceiver = addSending(peer, source);
    this.#senders.set(source, transceiver);
    void transceiver.sender.replaceTrack(this.#tracks.get(source) ?? null);
  }

  #makeRoom(others: number): void {
    const pictures = this.#slots.length - AUDIO_SLOTS;
    const wanted = Math.min(VIDEO_SLOTS_MAX, others);
    if (!this.#peer || wanted <= pictures) return;
    this.#slots.push(...addSlots(this.#peer, 'video', VIDEO_SLOTS_MAX - pictures));
    void this.#negotiate();
  }

  /** One at a time: an offer is answered before the next one is made. */
  #negotiate(): Promise<void> {
    const peer = this.#peer;
    this.#negotiation = this.#negotiation.then(async () => {
      if (!peer || this.#peer !== peer) return;
      try {
        await this.#exchange(peer);
      } catch (error) {
        if (this.#peer === peer) this.#handleFailure(error);
      }
    });
    return this.#negotiation;
  }

  async #exchange(peer: RTCPeerConnection): Promise<void> {
    const generation = this.#generation ?? 0;
    const offer = await peer.createOffer();
    const sdp = forSpeech(offer.sdp ?? '');
    await peer.setLocalDescription({ type: 'offer', sdp });
    this.emit('lines', this.#lines());
    const answer = await this.way.offer({ generation, sdp, tracks: this.#labels() });
    if (this.#peer !== peer) return;
    await peer.setRemoteDescription({ type: 'answer', sdp: forSpeech(answer) });
    this.emit('answered', undefined);
  }

  #lines(): Line[] {
    return this.#slots.flatMap(({ mid, receiver }) => (mid === null ? [] : [{ mid, receiver }]));
  }

  #labels(): MediaOffer['tracks'] {
    return [...this.#senders].flatMap(([source, { mid }]) => (mid === null ? [] : [{ mid, source }]));
  }

  #handleFailure(error: unknown): void {
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
    const peer = this.#peer;
    if (this.#healing || !peer) return;
    this.#healing = setTimeout(() => this.#restart(peer), this.around.timing.patience);
  }

  #restart(peer: RTCPeerConnection): void {
    this.#healing = undefined;
    if (this.#peer !== peer || peer.connectionState === 'connected') return;
    if (this.way.open() && peer.remoteDescription) {
      peer.restartIce();
      void this.#negotiate();
    }
    this.#healing = setTimeout(() => this.#renew(peer), this.around.timing.healing);
  }

  #renew(peer: RTCPeerConnection): void {
    this.#healing = undefined;
    if (this.#peer !== peer || peer.connectionState === 'connected') return;
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
