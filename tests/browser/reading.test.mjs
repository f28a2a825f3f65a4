/** Everybody can read and reach every page: checked by axe against WCAG 2.2 AA, in the evening and by day, large and small. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { launch } from './chromium.mjs';
import { Hearth } from './hearth.mjs';
import { Person } from './person.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const LARGE = { width: 1280, height: 800 };
const SMALL = { width: 360, height: 640 };

let hearth;
let browser;

before(async () => {
  hearth = await Hearth.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await hearth?.stop();
});

/** Nothing on what this person sees now is out of reach for anybody. */
async function check({ page }) {
  for (const colorScheme of ['dark', 'light']) {
    for (const size of [LARGE, SMALL]) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize(size);
      await page.evaluate(AXE);
      const { violations } = await page.evaluate((values) => window.axe.run(document, { runOnly: { type: 'tag', values } }), RULES);
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
      assert.deepEqual(told, [], `${colorScheme}, ${size.width} wide`);
      // Nothing stands outside to the right.
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${size.width} is wide enough`);
    }
  }
  await page.setViewportSize(LARGE);
}

test('everybody can read and reach every page', async (t) => {
  const lead = await Person.open(browser, hearth.facilitator);
  const member = await Person.open(browser, hearth.members[0]);

  await t.test('the page for who has no link', async () => {
    const nobody = await Person.open(browser, hearth.url);
    await nobody.heading('This is where your group meets');
    await check(nobody);
    await nobody.close();
  });

  await t.test('the welcome, with the devices on and off', async () => {
    await check(member);
    await member.press('Check my camera');
    await member.press('Check my microphone');
    await member.button('Turn microphone off').waitFor();
    await check(member);
  });

  await t.test('the ground rules', async () => {
    await member.press('Join');
    await member.button('I agree').waitFor();
    await check(member);
  });

  await t.test('the waiting room, and a knock at the desk', async () => {
    await lead.join();
    await lead.seated();
    await member.press('I agree');
    await member.heading('You are in the waiting room');
    await lead.desk.getByRole('button', { name: /^Let in / }).waitFor();
    await check(member);
    await check(lead);
  });

  await t.test('the room and the desk', async () => {
    await lead.desk.getByRole('button', { name: /^Let in / }).click();
    await member.seated();
    await member.press('Raise hand');
    await lead.desk.getByRole('button', { name: /^More for / }).click();
    await lead.desk.getByRole('button', { name: /^Remove / }).click();
    await lead.button('Yes, remove').waitFor();
    await check(member);
    await check(lead);
    await lead.press('Keep');
  });

  await t.test('a turn', async () => {
    await lead.press('Start a round');
    await member.button("I'm done").waitFor();
    await check(member);
    await check(lead);
    await lead.press('End the round');
  });

  await t.test('a freeze', async () => {
    await lead.press('Freeze');
    await member.heading('Everything is paused');
    await check(member);
    await check(lead);
  });

  await t.test('the goodbye', async () => {
    await lead.press('End now …');
    await lead.press('Yes, end for everybody');
    await member.heading('The session has ended');
    await check(member);
  });
});
