import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import type { ClientFrame, ServerFrame } from '../src/generated/protocol';
import type { Surroundings, Timing } from '../src/surroundings';

/** A server of real sockets that says what the test wants it to say. */
export class Server {
  readonly #sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  readonly #arrived: Connection[] = [];
  #awaited: ((connection: Connection) => void) | undefined;

  static async start(): Promise<Server> {
    const server = new Server();
    await once(server.#sockets, 'listening');
    return server;
  }

  private constructor() {
    this.#sockets.on('connection', (socket) => {
      const connection = new Connection(socket);
      const awaited = this.#awaited;
      this.#awaited = undefined;
      if (awaited) awaited(connection);
      else this.#arrived.push(connection);
    });
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#sockets.address() as AddressInfo).port}`;
  }

  get waiting(): number {
    return this.#arrived.length;
  }

  /** The next connection, whenever it comes. */
  connection(): Promise<Connection> {
    const arrived = this.#arrived.shift();
    return arrived ? Promise.resolve(arrived) : new Promise((resolve) => (this.#awaited = resolve));
  }

  stop(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
  }
}

export class Connection {
  readonly #frames: ClientFrame[] = [];
  #awaited: (() => void) | undefined;

  constructor(readonly socket: WebSocket) {
    socket.on('message', (text: Buffer) => {
      const frame = JSON.parse(text.toString()) as ClientFrame;
      this.#frames.push(frame);
      this.#awaited?.();
    });
  }

  say(frame: ServerFrame): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** The next frame of this type; others before it are passed over. */
  async next<Type extends ClientFrame['type']>(type: Type): Promise<Extract<ClientFrame, { type: Type }>> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame?.type === type) return frame as Extract<ClientFrame, { type: Type }>;
      if (!frame) await new Promise<void>((resolve) => (this.#awaited = resolve));
    }
  }

  closed(): Promise<unknown> {
    return this.socket.readyState === WebSocket.CLOSED ? Promise.resolve() : once(this.socket, 'close');
  }
}

/** What a tab keeps. */
export class Shelf implements Storage {
  readonly #kept = new Map<string, string>();
  get length(): number {
    return this.#kept.size;
  }
  clear = () => this.#kept.clear();
  key = (at: number) => [...this.#kept.keys()][at] ?? null;
  getItem = (key: string) => this.#kept.get(key) ?? null;
  setItem = (key: string, value: string) => void this.#kept.set(key, value);
  removeItem = (key: string) => void this.#kept.delete(key);
}

const QUICK: Timing = {
  ping: 20,
  dead: 10_000,
  retryFirst: 1,
  retryMax: 10,
  reach: 10_000,
  answer: 10_000,
  sure: 10_000,
  callAgain: 1,
  goodbye: 1,
  view: 1,
  draw: 1,
  patience: 1,
  healing: 1,
};

export function around(server: Server, timing: Partial<Timing> = {}): Surroundings {
  return {
    origin: server.origin,
    storage: new Shelf(),
    timing: { ...QUICK, ...timing },
    openSocket: (url) => new WebSocket(url) as unknown as globalThis.WebSocket,
    openPeer: () => {
      throw new Error('no media here');
    },
    now: () => performance.now(),
    random: () => Math.random(),
    onOnline: () => () => undefined,
  };
}
