/** What the SDK takes from the browser around it. Tests give their own. */
export interface Surroundings {
  /** Of the page, such as `https://hearth.example`. */
  readonly origin: string;
  readonly storage: Storage;
  readonly timing: Timing;
  openSocket(url: string): WebSocket;
  openPeer(): RTCPeerConnection;
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** 0 to 1. */
  random(): number;
  /** Called when the network is there again. */
  onOnline(listener: () => void): () => void;
}

/** Milliseconds. */
export interface Timing {
  readonly ping: number;
  /** Nothing heard for this long: the connection is dead. */
  readonly dead: number;
  /** The longest pause before the first try to come back; it doubles with each. */
  readonly retryFirst: number;
  readonly retryMax: number;
  /** A first connection that does not come about in this time is given up. */
  readonly reach: number;
  /** A request without an answer for this long is given up. */
  readonly answer: number;
  /** A call for help without an answer for this long may not have reached anybody. */
  readonly sure: number;
  /** The pause before a call for help that did not get through is made once more. */
  readonly callAgain: number;
  /** Whoever leaves does not wait longer than this for the server to say so. */
  readonly goodbye: number;
  /** The shortest time between two view messages. */
  readonly view: number;
  /** How long a room may stay undrawn, so that its media connect first. */
  readonly draw: number;
  /** How long media may be interrupted before they are healed. */
  readonly patience: number;
  /** How long healing, or a first connection, may take before a new media connection is made. */
  readonly healing: number;
}

export const TIMING: Timing = {
  ping: 4_000,
  dead: 10_000,
  retryFirst: 300,
  retryMax: 8_000,
  reach: 20_000,
  answer: 12_000,
  sure: 4_000,
  callAgain: 2_000,
  goodbye: 1_000,
  view: 250,
  draw: 250,
  patience: 1_500,
  healing: 5_000,
};

export function theBrowser(): Surroundings {
  return {
    origin: location.origin,
    storage: sessionStorage,
    timing: TIMING,
    openSocket: (url) => new WebSocket(url),
    openPeer: () => new RTCPeerConnection({ bundlePolicy: 'max-bundle' }),
    now: () => performance.now(),
    random: () => Math.random(),
    onOnline: (listener) => {
      addEventListener('online', listener);
      return () => removeEventListener('online', listener);
    },
  };
}
