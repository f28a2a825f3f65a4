/** What is seen again and again in a meeting, from each side. */

import { until } from './person.mjs';

/** Each step begins where the one before has led; after a failure the next ones would only repeat it. */
export function steps(t) {
  let failed = false;
  return (name, act) =>
    t.test(name, { skip: failed && 'an earlier step failed' }, async () => {
      failed = true;
      await act();
      failed = false;
    });
}

/** Everybody among `seen` is shown to `person` by frames that go on coming. */
export async function seesMoving(person, seen) {
  const ids = seen.map(({ id }) => id);
  const start = await person.shown();
  await until(
    `${person.alias} sees ${seen.map(({ alias }) => alias).join(', ')} move`,
    () => person.shown(),
    (now) => ids.every((id) => now[id] > 0 && now[id] >= (start[id] ?? 0) + 5),
  );
}

export async function hears(person) {
  const start = await person.received();
  await until(`${person.alias} hears somebody`, () => person.received(), (now) => now.energy > start.energy && now.voices > start.voices + 10);
}

/** While pictures go on coming, no packet of sound does. */
export async function hearsNobody(person) {
  let last = await person.received();
  await until(`${person.alias} hears nobody any more`, async () => {
    const before = last;
    last = await until('pictures go on', () => person.received(), (now) => now.frames >= before.frames + 10);
    return { voices: last.voices - before.voices };
  }, ({ voices }) => voices === 0);
}

export const others = (people, person) => people.filter((other) => other !== person);

/** While something of `alive` goes on coming, no picture of `gone` does, and no tile of theirs stands here. */
export async function isApartFrom(person, gone, alive) {
  for (const other of gone) await person.tile(other).waitFor({ state: 'detached' });
  await seesMoving(person, alive);
}
