import { Events } from './events';
import type { Line } from './connection';

/** Plays what the audio slots carry. One element for each; which voice is in which slot makes no difference to the ear. */
export class Sound extends Events<{ blocked: boolean }> {
  #elements: HTMLAudioElement[] = [];
  #blocked = false;

  get blocked(): boolean {
    return this.#blocked;
  }

  handleLines(lines: readonly Line[]): void {
    for (const { receiver } of lines) {
      if (receiver.track.kind === 'audio' && !this.#plays(receiver.track)) this.#add(receiver.track);
    }
  }

  handleGone(): void {
    for (const element of this.#elements) element.srcObject = null;
    this.#elements = [];
  }

  /** To be called in a click. */
  allow(): void {
    this.#become(false);
    for (const element of this.#elements) this.#play(element);
  }

  #plays(track: MediaStreamTrack): boolean {
    return this.#elements.some(({ srcObject }) => srcObject instanceof MediaStream && srcObject.getTrackById(track.id));
  }

  #add(track: MediaStreamTrack): void {
    const element = new Audio();
    element.srcObject = new MediaStream([track]);
    this.#elements.push(element);
    this.#play(element);
  }

  #play(element: HTMLAudioElement): void {
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.#become(true);
    });
  }

  #become(blocked: boolean): void {
    if (this.#blocked === blocked) return;
    this.#blocked = blocked;
    this.emit('blocked', blocked);
  }
}
