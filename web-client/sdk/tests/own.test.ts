import { expect, test } from 'vitest';
import type { Devices } from '../src/devices';
import type { Request } from '../src/generated/protocol';
import { Own } from '../src/own';

const track = { enabled: false } as MediaStreamTrack;
const devices = {
  on: () => () => undefined,
  open: () => Promise.resolve(track),
  track: () => track,
} as unknown as Devices;

/** What was asked, and whether on another connection too. */
async function asks(open: boolean): Promise<[Request, boolean]> {
  const asked: [Request, boolean][] = [];
  const own = new Own(devices, {
    send: () => Promise.resolve(),
    ask: (request, { again } = { again: true }) => {
      asked.push([request, again]);
      return Promise.resolve();
    },
  });
  await own.set('microphone', open);
  expect(asked).toHaveLength(1);
  return asked[0] as [Request, boolean];
}

test('an unmute is not repeated after a lost line, and a mute is', async () => {
  expect(await asks(true)).toEqual([{ type: 'set_own', source: 'microphone', open: true }, false]);
  expect(await asks(false)).toEqual([{ type: 'set_own', source: 'microphone', open: false }, true]);
});
