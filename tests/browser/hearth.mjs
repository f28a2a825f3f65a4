/** The built server, fresh for each suite: its own store, its own ports, and what it prints for people to click on. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../target', import.meta.url));
export const binary = process.env.HEARTH_BINARY ?? `${target}/debug/hearth`;
/** The same with bugs to plant, which the program itself has no ways in for. */
const fragile = `${target}/debug/fragile`;

export class Hearth {
  #process;
  #lines;
  #log = '';
  /** The server's own address, and the personal links. */
  url;
  facilitator;
  members;

  /** `port`: where pages of an earlier one look for it. */
  static async start(extra = [], env = {}, port = '0') {
    return Hearth.#run(binary, ['dev', '--json', '--http-port', port, '--media-port', '0', ...extra], env);
  }

  /** One whose relay can be broken, and whose disk be filled. */
  static startFragile() {
    return Hearth.#run(fragile, [], {});
  }

  static async #run(program, given, env) {
    if (!existsSync(program)) throw new Error(`${program} is not built: run \`cargo test --workspace --no-run\` first`);
    const hearth = new Hearth();
    await hearth.#start(program, given, env);
    return hearth;
  }

  async #start(program, given, env) {
    this.#process = spawn(program, given, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process.stderr.on('data', (text) => (this.#log += text));
    this.#lines = createInterface({ input: this.#process.stdout });
    const first = once(this.#lines, 'line');
    const gone = once(this.#process, 'exit').then(() => {
      throw new Error(`the server did not start:\n${this.#log}`);
    });
    gone.catch(() => undefined);
    const [line] = await Promise.race([first, gone]);
    Object.assign(this, JSON.parse(line));
  }

  get pid() {
    return this.#process.pid;
  }

  /** What it has said so far. */
  get log() {
    return this.#log;
  }

  /** Does not answer anybody until it goes on. */
  halt() {
    this.#process.kill('SIGSTOP');
  }

  /** Of one that was started fragile: the relay's worker panics, as if it had a bug. */
  breakWorker() {
    this.#process.kill('SIGUSR1');
  }

  /** Of one that was started fragile: nothing can be recorded from here on, or it can again. True when it returns. */
  async fillDisk() {
    const said = once(this.#lines, 'line');
    this.#process.kill('SIGUSR2');
    await said;
  }

  goOn() {
    this.#process.kill('SIGCONT');
  }

  async stop() {
    if (this.#process.exitCode !== null) return;
    this.#process.kill('SIGINT');
    await once(this.#process, 'exit');
  }
}
