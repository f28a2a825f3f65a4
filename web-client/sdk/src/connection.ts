import type { Source, TrackLabel } from './generated/protocol';
import { addSending, addSlots, AUDIO_SLOTS, forSpeech, VIDEO_SLOTS, VIDEO_SLOTS_MAX } from './offer';

export interface Line {
  readonly mid: string;
  readonly receiver: RTCRtpReceiver;
}

/** One RTCPeerConnection with its media lines, and the offers that describe them. */
export class Connection {
  readonly #senders = new Map<Source, RTCRtpTransceiver>();
  readonly #slots: RTCRtpTransceiver[];
  /** An offer made ahead, as long as it still describes the lines. */
  #ahead: Promise<RTCSessionDescriptionInit> | undefined;

  constructor(
    readonly peer: RTCPeerConnection,
    publish: readonly Source[],
  ) {
    for (const source of publish) this.#senders.set(source, addSending(peer, source));
    this.#slots = [...addSlots(peer, 'audio', AUDIO_SLOTS), ...addSlots(peer, 'video', VIDEO_SLOTS)];
  }

  get connected(): boolean {
    return this.peer.connectionState === 'connected';
  }

  /** Whether the server has ever answered. */
  get established(): boolean {
    return this.peer.remoteDescription !== null;
  }

  /** The receive-only media lines that were described. */
  get lines(): Line[] {
    return this.#slots.flatMap(({ mid, receiver }) => (mid === null ? [] : [{ mid, receiver }]));
  }

  /** What the sending media lines carry. */
  get labels(): TrackLabel[] {
    return [...this.#senders].flatMap(([source, { mid }]) => (mid === null ? [] : [{ mid, source }]));
  }

  /** Whether it sends these and nothing else. */
  sends(publish: readonly Source[]): boolean {
    return this.#senders.size === publish.length && publish.every((source) => this.#senders.has(source));
  }

  /** Undefined where there is no such line yet. */
  replace(source: Source, track: MediaStreamTrack | undefined): Promise<void> | undefined {
    return this.#senders.get(source)?.sender.replaceTrack(track ?? null);
  }

  addSender(source: Source): void {
    this.#ahead = undefined;
    this.#senders.set(source, addSending(this.peer, source));
  }

  /** Whether lines were added, so that an offer is due. */
  makeRoom(pictures: number): boolean {
    const present = this.#slots.length - AUDIO_SLOTS;
    if (Math.min(pictures, VIDEO_SLOTS_MAX) <= present) return false;
    this.#ahead = undefined;
    this.#slots.push(...addSlots(this.peer, 'video', VIDEO_SLOTS_MAX - present));
    return true;
  }

  /** Does the work of the first offer before it is needed. Nothing leaves the browser. */
  prepare(): void {
    this.#ahead ??= this.peer.createOffer();
  }

  async describe(): Promise<string> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const { sdp = '' } = await (ahead ?? this.peer.createOffer());
    const described = forSpeech(sdp);
    await this.peer.setLocalDescription({ type: 'offer', sdp: described });
    return described;
  }

  accept(answer: string): Promise<void> {
    return this.peer.setRemoteDescription({ type: 'answer', sdp: forSpeech(answer) });
  }

  close(): void {
    this.peer.onconnectionstatechange = null;
    this.peer.close();
  }
}
