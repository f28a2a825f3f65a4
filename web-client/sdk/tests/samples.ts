import { readFileSync } from 'node:fs';

export function samples<Frame>(file: string): Record<string, Frame> {
  const url = new URL(`../../../protocol/samples/${file}`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as Record<string, Frame>;
}

export function sample<Frame>(file: string, name: string): Frame {
  const frame = samples<Frame>(file)[name];
  if (frame === undefined) throw new Error(`no sample ${name} in ${file}`);
  return frame;
}
