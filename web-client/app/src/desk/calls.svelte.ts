import type { Signal } from '@hearth/sdk';
import { chime } from './chime';

/** A call for help is heard too, and each time that it is repeated. To be set up once by a page that shows them. */
export function hearCalls(signals: () => readonly Signal[]): void {
  let heard = 0;
  $effect(() => {
    const newest = signals()
      .filter(({ answered_by }) => answered_by === undefined)
      .reduce((sum, { id, repeated }) => Math.max(sum, id * 1000 + repeated + 1), 0);
    if (newest > heard) chime();
    heard = Math.max(heard, newest);
  });
}
