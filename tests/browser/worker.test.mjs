/** The relay's worker dies of a bug in the middle of a meeting: the pages heal by themselves, and what was closed stays closed. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch } from './chromium.mjs';
import { Hearth } from './hearth.mjs';
import { Person, until } from './person.mjs';
import { hears, hearsNobody, others, seesMoving, steps } from './scene.mjs';

const CALM = 'Sound and pictures are coming back in a moment.';

let hearth;
let browser;

before(async () => {
  hearth = await Hearth.startFragile();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await hearth?.stop();
});

test('a worker that dies costs a meeting its media for a moment', async (t) => {
  const step = steps(t);
  const lead = await Person.open(browser, hearth.facilitator, rememberWords);
  const [ann, ben] = await Promise.all(
    hearth.members.slice(0, 2).map((link) => Person.open(browser, link, rememberWords)),
  );
  const everyone = [lead, ann, ben];

  await step('everybody is there, and Ann is muted by the facilitator', async () => {
    await lead.join();
    await lead.seated();
    for (const member of [ann, ben]) {
      await member.join();
      await lead.press(/^Let in /, { within: lead.desk });
      await member.seated();
    }
    for (const person of everyone) {
      await person.learnWhoOneIs();
      await person.turnCameraOn();
    }
    for (const member of [ann, ben]) await member.unmute();
    for (const person of everyone) await seesMoving(person, others(everyone, person));
    await hears(ben);
    await lead.press(`Mute ${ann.alias}`, { within: lead.desk });
    await ann.sees('The facilitator has muted you for now.');
    await hearsNobody(ben);
  });

  await step('the worker dies, and the pages say calmly what happens', async () => {
    const peers = await Promise.all(everyone.map(async (person) => (await person.received()).peers));
    hearth.breakWorker();
    for (const [at, person] of everyone.entries()) {
      await until(`${person.alias} is told`, () => person.page.evaluate(() => window.words), (words) => words.some((text) => text.includes(CALM)));
      await until(`${person.alias} connects anew`, () => person.received(), (now) => now.peers > peers[at]);
      await person.page.getByText(CALM).waitFor({ state: 'detached' });
      assert.equal(await person.page.getByRole('alert').filter({ hasText: /\w/ }).count(), 0);
    }
  });

  await step('without a click everybody sees everybody, and who was heard is heard', async () => {
    for (const person of everyone) await seesMoving(person, others(everyone, person));
    for (const listener of [lead, ann]) await hears(listener);
  });

  await step('whoever was muted stays muted', async () => {
    await hearsNobody(ben);
    await ann.tryToUnmute();
    await hearsNobody(ben);
  });

  await step('what the facilitator allows again works again', async () => {
    await lead.press(`Allow ${ann.alias} to unmute`, { within: lead.desk });
    await ann.unmute();
    await hears(ben);
  });
});

/** In the page, before its scripts: every word that stood on the screen, however short it stood there. */
function rememberWords() {
  window.words = [];
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const { textContent } of addedNodes) window.words.push(textContent.trim());
  }).observe(document, { childList: true, subtree: true });
}
