import type { Devices, DeviceKind } from './devices';
import { Events } from './events';
import type { GateReasons, Reason, Request, Source, You } from './generated/protocol';
import { Refusal } from './refusal';

/** One of the person's own sources, as it truly is. */
export interface OwnSource {
  /** The device is live and the gate is open: others can hear or see it. What the light shows. */
  readonly on: boolean;
  /** Between a click and its outcome. */
  readonly busy: boolean;
  /** Why it cannot be turned on now; empty: the person's own click is enough. */
  readonly heldBy: readonly Reason[];
}

export type OwnSources = Readonly<Record<Source, OwnSource>>;

export type MediaState =
  /** No seat, no media. */
  | 'none'
  | 'connecting'
  | 'connected'
  /** Being healed; the last pictures may stand still. */
  | 'interrupted';

export interface OwnWay {
  send(source: Source, track: MediaStreamTrack | undefined): Promise<void>;
  /** `again: false`: not to be repeated on another connection. */
  ask(request: Request, how?: { again: boolean }): Promise<unknown>;
}

const SOURCES: readonly Source[] = ['microphone', 'camera', 'screen'];

/**
 * What this browser sends. A source is live only while its owner wants it so and its gate is open: a gate that was closed from
 * outside mutes the device too, and only the owner's next click brings it back; but who opted in may wait for the floor unmuted.
 */
export class Own extends Events<{ change: OwnSources }> {
  readonly #wanted = new Set<Source>();
  readonly #busy = new Set<Source>();
  #gates: GateReasons | undefined;
  #screen: MediaStreamTrack | undefined;

  constructor(
    private readonly devices: Devices,
    private readonly way: OwnWay,
  ) {
    super();
    devices.on('track', ({ kind, track }) => this.#handleTrack(kind, track));
  }

  get sources(): OwnSources {
    const of = (source: Source): OwnSource => ({
      on: this.#live(source),
      busy: this.#busy.has(source),
      heldBy: (this.#gates?.[source] ?? []).filter((reason) => reason !== 'self'),
    });
    return { microphone: of('microphone'), camera: of('camera'), screen: of('screen') };
  }

  async set(source: Source, on: boolean): Promise<void> {
    this.#busy.add(source);
    try {
      await (on ? this.#open(source) : this.#close(source));
    } finally {
      this.#busy.delete(source);
      this.#apply();
    }
  }

  handleYou({ gates, open_on_turn }: You): void {
    this.#gates = gates;
    for (const source of SOURCES) {
      const closed = gates[source].some((reason) => reason !== 'floor' || source !== 'microphone' || !open_on_turn);
      if (this.#wanted.has(source) && !this.#busy.has(source) && closed) this.#release(source);
    }
    this.#apply();
  }

  /** Back after a reload: the gates are as they were, the devices are not. The roster is to say what is true. */
  handleReturn({ gates }: You): void {
    for (const source of SOURCES) {
      if (gates[source].length === 0 && !this.#wanted.has(source) && !this.#busy.has(source)) this.#closeGate(source);
    }
  }

  handleClosed(): void {
    for (const source of SOURCES) this.#release(source);
    this.devices.closeAll();
    this.#gates = undefined;
    this.#apply();
  }

  async #open(source: Source): Promise<void> {
    const track = source === 'screen' ? await this.#openScreen() : await this.devices.open(source);
    this.#wanted.add(source);
    this.#apply();
    try {
      await this.way.send(source, track);
      // A click counts for the moment it was made in: after a lost line nobody is heard by an old one.
      await this.way.ask({ type: 'set_own', source, open: true }, { again: false });
    } catch (error) {
      this.#release(source);
      throw error;
    }
  }

  async #close(source: Source): Promise<void> {
    this.#release(source);
    this.#apply();
    await this.way.ask({ type: 'set_own', source, open: false });
  }

  #closeGate(source: Source): void {
    this.way.ask({ type: 'set_own', source, open: false }).catch(() => undefined);
  }

  /** The microphone stays with the page, so that unmuting is instant; cameras and screens are let go of. */
  #release(source: Source): void {
    this.#wanted.delete(source);
    if (source === 'camera') this.devices.close('camera');
    if (source === 'screen') {
      this.#screen?.stop();
      this.#screen = undefined;
      void this.way.send('screen', undefined);
    }
  }

  async #openScreen(): Promise<MediaStreamTrack> {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } } }).catch(() => {
      throw new Refusal('device_denied', 'The screen is not shared.');
    });
    const track = stream.getVideoTracks()[0];
    if (!track) throw new Refusal('no_device', 'There was no picture to share.');
    track.contentHint = 'detail';
    track.onended = () => void this.set('screen', false).catch(() => undefined);
    this.#screen = track;
    return track;
  }

  #handleTrack(kind: DeviceKind, track: MediaStreamTrack | undefined): void {
    if (!this.#wanted.has(kind)) {
      if (!track) void this.way.send(kind, undefined);
      return;
    }
    void this.way.send(kind, track);
    if (!track) {
      // Unplugged, or taken away by the system.
      this.#wanted.delete(kind);
      this.#closeGate(kind);
    }
    this.#apply();
  }

  #track(source: Source): MediaStreamTrack | undefined {
    return source === 'screen' ? this.#screen : this.devices.track(source);
  }

  #live(source: Source): boolean {
    return this.#wanted.has(source) && this.#gates?.[source].length === 0 && this.#track(source) !== undefined;
  }

  #apply(): void {
    for (const source of SOURCES) {
      const track = this.#track(source);
      if (track && this.#gates) track.enabled = this.#live(source);
    }
    this.emit('change', this.sources);
  }
}
