import type { Picture } from './slots';

/** Where frames come from: a receiver's track, and from which RTP timestamp on they are the right ones. */
export interface Frames {
  readonly receiver: RTCRtpReceiver;
  readonly fromTimestamp: number;
}

/** One element on the page. Transparent until the first frame that is truly the participant's, so that no name stands on another's face. */
export class Tile {
  #frames: Frames | undefined;
  #watch = 0;
  #shown = false;
  readonly #size: ResizeObserver;

  constructor(
    readonly element: HTMLVideoElement,
    readonly picture: Picture,
    onResize: () => void,
  ) {
    element.muted = true;
    element.autoplay = true;
    element.playsInline = true;
    element.style.opacity = '0';
    this.#size = new ResizeObserver(onResize);
    this.#size.observe(element);
  }

  /** In device pixels. */
  get height(): number {
    return Math.round(this.element.getBoundingClientRect().height * devicePixelRatio);
  }

  carry(frames: Frames | undefined): void {
    const before = this.#frames;
    if (before?.receiver === frames?.receiver && before?.fromTimestamp === frames?.fromTimestamp) return;
    this.#frames = frames;
    this.#show(false);
    const track = frames?.receiver.track;
    if (before?.receiver !== frames?.receiver) this.element.srcObject = track ? new MediaStream([track]) : null;
    if (!track) return;
    this.element.play().catch(() => undefined);
    this.#await(++this.#watch);
  }

  close(): void {
    this.#size.disconnect();
    this.#watch++;
    this.#frames = undefined;
    this.element.srcObject = null;
  }

  #await(watch: number): void {
    this.element.requestVideoFrameCallback((_now, frame) => {
      const frames = this.#frames;
      if (watch !== this.#watch || !frames) return;
      const timestamp = frame.rtpTimestamp ?? played(frames.receiver);
      if (timestamp !== undefined && isFrom(timestamp, frames.fromTimestamp)) this.#show(true);
      else this.#await(watch);
    });
  }

  #show(shown: boolean): void {
    if (!shown) this.#watch++;
    if (this.#shown === shown) return;
    this.#shown = shown;
    this.element.style.opacity = shown ? '' : '0';
    this.picture.onShown?.(shown);
  }
}

/** Browsers that do not name the frame's timestamp say which one was delivered last. */
function played(receiver: RTCRtpReceiver): number | undefined {
  return receiver.getSynchronizationSources()[0]?.rtpTimestamp;
}

/** Timestamps wrap around (RFC 3550, section 5.1). */
export function isFrom(timestamp: number, first: number): boolean {
  return ((timestamp - first) | 0) >= 0;
}
