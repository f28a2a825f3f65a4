/** Everybody can read and reach every page: checked by axe against WCAG 2.2 AA, in the evening and by day, large and small. */

import { after, before, test } from 'node:test';
import { check } from './axe.mjs';
import { launch } from './chromium.mjs';
import { Hearth } from './hearth.mjs';
import { Person } from './person.mjs';

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
