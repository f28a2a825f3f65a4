/** A whole meeting on the real pages, with real media through the real relay: each step is seen from each side. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch } from './chromium.mjs';
import { Hearth } from './hearth.mjs';
import { Person, until } from './person.mjs';
import { hears, hearsNobody, others, seesMoving, steps } from './scene.mjs';

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

test('a group meets', async (t) => {
  const step = steps(t);

  const lead = await Person.open(browser, hearth.facilitator);
  const members = await Promise.all(hearth.members.map((link) => Person.open(browser, link)));
  const [ann, ben, cleo, dan] = members;
  const first = [ann, ben, cleo];
  const everyone = [lead, ...members];

  await step('the secret of a link does not stay in the address', () => {
    for (const { page } of everyone) assert.equal(new URL(page.url()).hash, '');
  });

  await step('a facilitator is seated at once, and members wait until they are let in', async () => {
    await lead.join();
    await lead.seated();
    for (const member of first) {
      await member.join();
      await member.heading('You are in the waiting room');
    }
    await lead.press('Let all 3 in', { within: lead.desk });
    for (const member of first) await member.seated();
    for (const person of [lead, ...first]) await person.learnWhoOneIs();
  });

  await step('a locked room lets in only whom the facilitator lets through', async () => {
    await lead.press('Lock the room', { within: lead.desk });
    await lead.button('Unlock the room').waitFor();
    await ann.sees('Locked');
    await dan.join();
    await dan.heading('You are in the waiting room');
    await lead.press(/^Let in through the lock: /, { within: lead.desk });
    await dan.seated();
    await dan.learnWhoOneIs();
    await lead.press('Unlock the room', { within: lead.desk });
  });

  await step('everybody comes in silent and unseen', async () => {
    for (const person of everyone) {
      const { voices, frames } = await person.received();
      assert.deepEqual({ voices, frames }, { voices: 0, frames: 0 });
    }
  });

  await step('everybody sees and hears everybody', async () => {
    for (const person of everyone) {
      await person.turnCameraOn();
      await person.unmute();
    }
    for (const person of everyone) {
      await seesMoving(person, others(everyone, person));
      await hears(person);
    }
  });

  await step('a muted member stays muted, and says so', async () => {
    await lead.press(`Mute ${ann.alias}`, { within: lead.desk });
    await ann.sees('The facilitator has muted you for now.');
    await ann.button('Unmute').waitFor();
    await ann.tryToUnmute();
    await lead.press(`Allow ${ann.alias} to unmute`, { within: lead.desk });
    await ann.unmute();
  });

  await step('all are muted by one touch, and nobody hears anybody', async () => {
    await lead.press('Mute', { within: lead.bar });
    await lead.press('Mute all', { within: lead.desk });
    for (const member of members) await member.button('Unmute').waitFor();
    for (const person of everyone) await hearsNobody(person);
    for (const member of members) await lead.press(`Allow ${member.alias} to unmute`, { within: lead.desk });
    await hearsNobody(ben);
  });

  await step('in a round only the one whose turn it is can be heard', async () => {
    await lead.press('Start a round', { within: lead.desk });
    await ann.sees('It is your turn');
    await ben.tryToUnmute();
    await hearsNobody(cleo);
    await ann.press('Unmute for my turn');
    await ann.button('Mute').waitFor();
    for (const person of [lead, ben, cleo, dan]) await hears(person);
    await ann.press("I'm done");
    await ben.sees('It is your turn');
    await ann.button('Unmute').waitFor();
    await hearsNobody(cleo);
    await lead.press('End the round', { within: lead.desk });
    for (const member of members) await member.button('Unmute').waitFor();
  });

  await step('a freeze stops everybody but the facilitator, and a thaw opens nothing by itself', async () => {
    await ben.unmute();
    await lead.press('Freeze');
    for (const member of members) await member.heading('Everything is paused');
    await hearsNobody(ann);
    await seesMoving(ann, [lead]);
    for (const other of [ben, cleo, dan]) await ann.seesNoPictureOf(other);
    await lead.press('Allow microphones again');
    await lead.press('Allow cameras again');
    await lead.press('End the pause');
    await ann.button('Turn camera on').waitFor();
    await hearsNobody(ann);
    for (const member of members) await member.turnCameraOn();
    await seesMoving(ann, [lead, ben, cleo, dan]);
  });

  await step('a reload keeps the seat', async () => {
    await ben.page.reload();
    await ben.seated();
    const { id } = ben;
    await ben.learnWhoOneIs();
    assert.equal(ben.id, id);
    await seesMoving(ben, [lead, ann]);
    await ben.turnCameraOn();
    await seesMoving(lead, [ben]);
  });

  await step('a lost socket heals with seat and media kept', async () => {
    const { peers, frames } = await cleo.received();
    await cleo.loseSocket();
    await until('the socket is back', () => cleo.sockets(), ({ open, made }) => open && made > 1);
    await cleo.seated();
    await until('pictures go on', () => cleo.received(), (now) => now.frames > frames + 10);
    assert.equal((await cleo.received()).peers, peers);
    await lead.press(`Stop ${cleo.alias}'s camera`, { within: lead.desk });
    await cleo.sees('The facilitator has turned your camera off for now.');
  });

  await step('whoever is removed is gone for everybody, and reads a last card', async () => {
    await lead.press(`More for ${dan.alias}`, { within: lead.desk });
    await lead.press(`Remove ${dan.alias}`, { within: lead.desk });
    await lead.press('Yes, remove', { within: lead.desk });
    await dan.sees('The facilitator has ended your time in this session.');
    await dan.sees('If you are in danger, call your local emergency number.');
    for (const person of others(everyone, dan)) await person.tile(dan).waitFor({ state: 'detached' });
    const { voices, frames } = await dan.received();
    assert.deepEqual({ voices, frames }, { voices: 0, frames: 0 });
    await dan.page.reload();
    await dan.heading('This is where your group meets.');
  });

  await step('the end is the end for everybody', async () => {
    await lead.press('End now …', { within: lead.desk });
    await lead.press('Yes, end for everybody', { within: lead.desk });
    for (const person of others(everyone, dan)) await person.heading('The session has ended');
  });
});

test('whoever is denied is told no more than that it does not work now', async () => {
  const other = await Hearth.start();
  try {
    const lead = await Person.open(browser, other.facilitator);
    await lead.join();
    await lead.seated();
    const member = await Person.open(browser, other.members[0]);
    await member.join();
    await member.heading('You are in the waiting room');
    await lead.press(/^Not now, /, { within: lead.desk });
    await member.heading('It does not work right now');
    await lead.close();
    await member.close();
  } finally {
    await other.stop();
  }
});
