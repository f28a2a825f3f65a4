/** What a group needs besides sound and pictures: each rule on the real pages, seen by whom it concerns and by nobody else. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { check } from './axe.mjs';
import { launch } from './chromium.mjs';
import { Hearth } from './hearth.mjs';
import { Person, until } from './person.mjs';
import { hears, hearsNobody, isApartFrom, seesMoving, steps } from './scene.mjs';

let hearth;
let browser;

before(async () => {
  hearth = await Hearth.start([], { HEARTH_ROOM__CRISIS_LINE: '988 (call or text)' });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await hearth?.stop();
});

test('a group keeps its rules', async (t) => {
  const step = steps(t);
  const lead = await Person.open(browser, hearth.facilitator);
  const [ann, ben, cleo] = await Promise.all(hearth.members.slice(0, 3).map((link) => Person.open(browser, link, mayBeMute)));
  const members = [ann, ben, cleo];

  await step('whoever needs somebody at the door is heard by the facilitator', async () => {
    await lead.join();
    await lead.seated();
    for (const member of members) {
      await member.join();
      await member.heading('You are in the waiting room');
    }
    await cleo.callForHelp();
    await cleo.sees('The facilitators have been told.');
    await lead.desk.getByText(/needs somebody/).first().waitFor();
    await lead.press(/^I have seen it: /, { within: lead.desk });
    await cleo.sees('A facilitator has seen it');
    await lead.press('Let all 3 in', { within: lead.desk });
    for (const person of [lead, ...members]) {
      await person.seated();
      await person.learnWhoOneIs();
    }
  });

  await step('everybody is there', async () => {
    for (const person of [lead, ...members]) {
      await person.turnCameraOn();
      await person.unmute();
    }
    for (const person of [lead, ...members]) await hears(person);
    await seesMoving(ann, [lead, ben, cleo]);
  });

  await step('whoever chooses just to listen is neither seen nor heard', async () => {
    await cleo.press('For you');
    await cleo.page.getByRole('radio', { name: 'Just listen' }).click({ force: true });
    for (const person of [lead, ann, ben]) await person.seesNoPictureOf(cleo);
    await cleo.page.getByRole('radio', { name: 'Be seen' }).click({ force: true });
    await cleo.button('Turn camera on').waitFor();
    await cleo.turnCameraOn();
    await seesMoving(ann, [cleo]);
    await cleo.press('For you');
  });

  await step('a ceiling holds, and says so kindly', async () => {
    await lead.press(`More for ${ben.alias}`, { within: lead.desk });
    await lead.desk.getByLabel(`How much ${ben.alias} takes part at most`).selectOption('voice');
    for (const person of [lead, ann, cleo]) await person.seesNoPictureOf(ben);
    await ben.press('For you');
    await ben.sees('It says nothing about you.');
    await lead.desk.getByLabel(`How much ${ben.alias} takes part at most`).selectOption('video');
    await ben.button('Turn camera on').waitFor();
    await ben.turnCameraOn();
    await seesMoving(ann, [ben]);
    await ben.press('For you');
  });

  await step('what is written reaches everybody, and can be taken back', async () => {
    await ann.write('I am glad to be here.');
    await ben.press(/^Chat/);
    await ben.sees('I am glad to be here.');
    await ann.press(/^Take back: I am glad/);
    await ben.page.getByText('I am glad to be here.').waitFor({ state: 'detached' });
    await ann.press('Close the chat');
    await ben.press('Close the chat');
  });

  await step('a question from 0 to 10 is answered in private, unless one wants to be known', async () => {
    await lead.unfold('Card, timer, question');
    await lead.desk.getByLabel('The question').fill('How strong is the urge today?');
    await lead.press('Ask everybody', { within: lead.desk });
    await ann.page.getByRole('radio', { name: '7', exact: true }).click({ force: true });
    await ann.page.getByLabel('Tell the facilitator that it is me').check();
    await ann.press('Send my answer');
    await ben.page.getByRole('radio', { name: '3', exact: true }).click({ force: true });
    await ben.press('Send my answer');
    await lead.desk.getByText('2 answers so far.').waitFor();
    await lead.desk.getByText(`${ann.alias}: 7`).waitFor();
    assert.equal(await lead.desk.getByText(`${ben.alias}: 3`).count(), 0);
    await lead.press('Close the question', { within: lead.desk });
    await ann.page.getByText('How strong is the urge today?').waitFor({ state: 'detached' });
  });

  await step('in a break nobody but the facilitator is heard or seen, and nothing opens by itself after it', async () => {
    await lead.press('Mute', { within: lead.bar });
    await lead.unfold('A break');
    await lead.press('Take a break', { within: lead.desk });
    for (const member of members) await member.heading('A break');
    await hearsNobody(ann);
    for (const other of [ben, cleo]) await ann.seesNoPictureOf(other);
    await lead.press('End the break', { within: lead.desk });
    for (const member of members) await member.button('Turn camera on').waitFor();
    for (const member of members) await member.turnCameraOn();
    await hearsNobody(ann);
  });

  await step('a call for help is seen by the facilitator alone, and answered in private', async () => {
    await ann.callForHelp();
    await lead.desk.getByText(`${ann.alias} needs somebody.`).first().waitFor();
    await lead.press(`Answer ${ann.alias}`, { within: lead.desk });
    await ann.sees('A facilitator has seen it');
    await ann.sees('I have seen it, and I am with you.');
    for (const other of [ben, cleo]) assert.doesNotMatch(await other.page.locator('body').innerText(), /needs somebody|told|answer/i);
    await ann.press('I have read it');
  });

  await step('a call for help that may not have arrived is made again after a reload', async () => {
    await cleo.page.evaluate(() => sessionStorage.setItem('mute', ''));
    await cleo.callForHelp();
    await cleo.sees('We are not sure yet that your call has arrived.');
    await cleo.page.reload();
    await cleo.sees('We are not sure yet that your call has arrived.');
    await cleo.page.getByRole('link', { name: '988' }).waitFor();
    await cleo.page.evaluate(() => sessionStorage.removeItem('mute'));
    await cleo.loseSocket();
    await lead.desk.getByText(`${cleo.alias} needs somebody.`).first().waitFor();
    await lead.press(`Answer ${cleo.alias}`, { within: lead.desk });
    await cleo.sees('A facilitator has seen it');
    await cleo.press('I have read it');
    await cleo.turnCameraOn();
  });

  await step('a turn may be taken in writing', async () => {
    await lead.press('Start a round', { within: lead.desk });
    await ann.press('Write instead');
    await ann.page.getByLabel('Your turn, in writing. Everybody can read it.').fill('I had a good week.');
    await ann.press('Share it with the group');
    for (const person of [lead, ben, cleo]) {
      await person.sees(`${ann.alias} takes the turn in writing`);
      await person.sees('I had a good week.');
      await person.press('I have read it');
    }
    await lead.press('End the round', { within: lead.desk });
  });

  await step('in a small room nobody is heard or seen from another one', async () => {
    await lead.unfold('Small rooms');
    for (const who of [ann, ben]) await lead.desk.getByLabel(who.alias, { exact: true }).check();
    await lead.desk.getByLabel('Time in the small room').selectOption({ label: 'until called back' });
    await lead.press('Open a small room', { within: lead.desk });
    for (const person of [ann, ben]) {
      await person.heading('A small room');
      await person.turnCameraOn();
      await person.unmute();
    }
    await cleo.sees(`In a small room: ${ann.alias} and ${ben.alias}`);
    await isApartFrom(ann, [lead, cleo], [ben]);
    await isApartFrom(cleo, [ann, ben], [lead]);
    await hears(ann);
    await hearsNobody(cleo);
    await lead.press('At once', { within: lead.desk });
    for (const person of [ann, ben]) {
      await person.tile(lead).waitFor();
      await person.turnCameraOn();
    }
    await seesMoving(cleo, [lead, ann, ben]);
    await hearsNobody(cleo);
  });

  await step('two in a crisis go on speaking and writing while everything is paused around them', async () => {
    await lead.press('Freeze');
    for (const member of members) await member.heading('Everything is paused');
    await ann.callForHelp();
    await lead.press(`Go aside together with ${ann.alias}`, { within: lead.desk });
    await ann.heading('A small room');
    await ann.sees('The whole group is paused meanwhile, and you are not');
    await ann.sees('A facilitator has seen it');
    await ann.page.getByRole('heading', { name: 'Everything is paused' }).waitFor({ state: 'detached' });
    await check(ann);
    await ann.unmute();
    await hears(lead);
    await ann.write('It is good that you came along.');
    await lead.press(/^Chat/);
    await lead.sees('It is good that you came along.');
    await lead.page.getByLabel('What you want to write').fill('We have all the time.');
    await lead.press('Send');
    await ann.sees('We have all the time.');
    await ben.press(/^Chat/);
    await ben.page.getByLabel('To the facilitators').waitFor();
    for (const other of [ben, cleo]) assert.equal(await other.page.getByText('We have all the time.').count(), 0);
    for (const member of [ann, ben]) await member.press('Close the chat');
    await lead.press('Desk');
    await lead.unfold('Small rooms');
    await lead.press('Go out', { within: lead.desk });
    await ann.heading('Everything is paused');
    for (const thaw of ['Allow microphones again', 'Allow cameras again', 'End the pause']) await lead.press(thaw);
    for (const person of [lead, ...members]) await person.turnCameraOn();
    await hearsNobody(cleo);
  });

  await step('the meeting goes on part by part, and a step opens nobody’s microphone', async () => {
    await lead.press('Next: How are you?', { within: lead.desk });
    for (const person of [lead, ann, ben, cleo]) await person.part('This part').getByText('How are you?', { exact: true }).waitFor();
    await ann.sees('It is your turn');
    await hearsNobody(cleo);
  });

  await step('a breach pauses everything, removes who is named, and tells nobody’s name', async () => {
    await lead.unfold('Somebody’s privacy was touched');
    await lead.desk.getByLabel('What happened').selectOption('screenshot');
    await lead.desk.getByLabel('By whom').selectOption({ label: cleo.alias });
    await lead.press('Deal with it …', { within: lead.desk });
    await lead.press('Yes, pause and remove', { within: lead.desk });
    await cleo.sees('The facilitator has ended your time in this session.');
    for (const member of [ann, ben]) {
      await member.heading('We take care of each other’s privacy');
      await member.heading('Everything is paused');
      await member.tile(cleo).waitFor({ state: 'detached' });
      assert.equal(await member.page.getByText(cleo.alias).count(), 0);
    }
    await hearsNobodyAtAll(ann);
  });
});

/** Neither voices nor pictures of members come any more. */
async function hearsNobodyAtAll(person) {
  const { voices } = await person.received();
  await until('the facilitator is still seen', () => person.received(), (now) => now.frames > 0);
  assert.equal((await person.received()).voices, voices);
}

/** In the page, before its scripts: while its tab is told so, nothing of what it says reaches the server. */
function mayBeMute() {
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (text) {
    if (sessionStorage.getItem('mute') === null) send.call(this, text);
  };
}
