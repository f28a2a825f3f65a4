import { Events } from './events';
import { Refusal } from './refusal';

export type DeviceKind = 'microphone' | 'camera';

export interface Device {
  readonly id: string;
  /** Empty until the person has allowed devices of its kind. */
  readonly label: string;
}

export interface DeviceLists {
  readonly microphones: readonly Device[];
  readonly cameras: readonly Device[];
}

export interface DevicesEvents {
  /** A device came or went. */
  lists: DeviceLists;
  /** A device was opened, closed, switched, or ended by itself. */
  track: { readonly kind: DeviceKind; readonly track: MediaStreamTrack | undefined };
}

const CONSTRAINTS = {
  microphone: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
  camera: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 } },
} as const satisfies Record<DeviceKind, MediaTrackConstraints>;

/** The microphone and camera of this browser. Closing one releases the device, so that its own light goes out. */
export class Devices extends Events<DevicesEvents> {
  readonly #tracks = new Map<DeviceKind, MediaStreamTrack>();
  readonly #chosen = new Map<DeviceKind, string>();
  readonly #opening = new Map<DeviceKind, Promise<MediaStreamTrack>>();
  #meter: Meter | undefined;

  /** Browsers give no devices to a page without https: then one can still listen. */
  constructor(private readonly media: MediaDevices | undefined = navigator.mediaDevices) {
    super();
    media?.addEventListener('devicechange', () => void this.list().then((lists) => this.emit('lists', lists)));
  }

  async list(): Promise<DeviceLists> {
    const all = (await this.media?.enumerateDevices()) ?? [];
    const of = (kind: MediaDeviceKind) =>
      all.filter((device) => device.kind === kind).map(({ deviceId, label }) => ({ id: deviceId, label }));
    return { microphones: of('audioinput'), cameras: of('videoinput') };
  }

  track(kind: DeviceKind): MediaStreamTrack | undefined {
    return this.#tracks.get(kind);
  }

  /** The device that is open, or would be opened; undefined: the browser chooses. */
  chosen(kind: DeviceKind): string | undefined {
    return this.#tracks.get(kind)?.getSettings().deviceId ?? this.#chosen.get(kind);
  }

  /** Asks for permission where it is needed. Opening an open device gives the same track. */
  open(kind: DeviceKind): Promise<MediaStreamTrack> {
    const present = this.#tracks.get(kind);
    if (present) return Promise.resolve(present);
    const underway = this.#opening.get(kind);
    if (underway) return underway;
    const opening = this.#acquire(kind).finally(() => this.#opening.delete(kind));
    this.#opening.set(kind, opening);
    return opening;
  }

  close(kind: DeviceKind): void {
    const track = this.#tracks.get(kind);
    if (!track) return;
    track.stop();
    this.#keep(kind, undefined);
  }

  closeAll(): void {
    this.close('microphone');
    this.close('camera');
  }

  /** Another device from now on; one that is open is switched without anybody noticing. */
  async choose(kind: DeviceKind, id: string): Promise<void> {
    this.#chosen.set(kind, id);
    const before = this.#tracks.get(kind);
    if (!before || before.getSettings().deviceId === id) return;
    // Phones open one camera at a time.
    if (kind === 'camera') before.stop();
    const after = await this.#request(kind);
    after.enabled = before.enabled;
    before.stop();
    this.#keep(kind, after);
  }

  /** Shows the camera in `element`, as long as it is open. The function that comes back ends it. */
  preview(element: HTMLVideoElement): () => void {
    element.muted = true;
    element.playsInline = true;
    element.autoplay = true;
    const show = (track: MediaStreamTrack | undefined) => {
      element.srcObject = track ? new MediaStream([track]) : null;
    };
    show(this.#tracks.get('camera'));
    const end = this.on('track', ({ kind, track }) => {
      if (kind === 'camera') show(track);
    });
    return () => {
      end();
      show(undefined);
    };
  }

  /** How loud the microphone is just now, 0 to 1; 0 while it is closed. To be read once a frame. */
  level(): number {
    const track = this.#tracks.get('microphone');
    if (!track) return 0;
    if (this.#meter?.track !== track) {
      this.#meter?.close();
      this.#meter = new Meter(track);
    }
    return this.#meter.read();
  }

  async #acquire(kind: DeviceKind): Promise<MediaStreamTrack> {
    const track = await this.#request(kind);
    this.#keep(kind, track);
    return track;
  }

  async #request(kind: DeviceKind): Promise<MediaStreamTrack> {
    const id = this.#chosen.get(kind);
    const wanted = { ...CONSTRAINTS[kind], ...(id === undefined ? {} : { deviceId: { exact: id } }) };
    if (!this.media) throw refused(kind, undefined);
    const stream = await this.media
      .getUserMedia(kind === 'microphone' ? { audio: wanted } : { video: wanted })
      .catch((error: unknown) => {
        throw refused(kind, error);
      });
    const track = stream.getTracks()[0];
    if (!track) throw refused(kind, undefined);
    if (kind === 'microphone') track.contentHint = 'speech';
    return track;
  }

  #keep(kind: DeviceKind, track: MediaStreamTrack | undefined): void {
    if (track) {
      this.#tracks.set(kind, track);
      track.addEventListener('ended', () => {
        if (this.#tracks.get(kind) === track) this.#keep(kind, undefined);
      });
    } else {
      this.#tracks.delete(kind);
      if (kind === 'microphone') this.#meter?.close();
      if (kind === 'microphone') this.#meter = undefined;
    }
    this.emit('track', { kind, track });
  }
}

class Meter {
  readonly #context = new AudioContext();
  readonly #analyser = this.#context.createAnalyser();
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(readonly track: MediaStreamTrack) {
    this.#analyser.fftSize = 512;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(this.#analyser);
  }

  /** From −60 dBFS (0) to −10 dBFS (1). */
  read(): number {
    if (this.#context.state === 'suspended') void this.#context.resume();
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, sample) => sum + sample * sample, 0) / this.#samples.length;
    const decibels = 10 * Math.log10(power || Number.MIN_VALUE);
    return Math.min(1, Math.max(0, (decibels + 60) / 50));
  }

  close(): void {
    void this.#context.close();
  }
}

function refused(kind: DeviceKind, error: unknown): Refusal {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError')
    return new Refusal(
      'device_denied',
      `The browser does not allow the ${kind} yet. You can allow it beside the address.`,
    );
  if (name === 'NotReadableError' || name === 'AbortError')
    return new Refusal('device_busy', `The ${kind} is in use by another program.`);
  return new Refusal('no_device', `No ${kind} was found. You can still listen and take part.`);
}
