/** What belongs to one person: a goal, feedback, what to take along, who sits beside one, a call for help. No media here: it is quick. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { check } from './axe.mjs';
import { launch } from './chromium.mjs';
import { Hearth } from './hearth.mjs';
import { Person } from './person.mjs';
import { steps } from './scene.mjs';

const LINE = '988 (call or text, day and night)';

let hearth;
let browser;

before(async () => {
  hearth = await Hearth.start([], { HEARTH_ROOM__CRISIS_LINE: LINE });
  browser = await launch();
});

after(async () => {
  hearth?.goOn();
  await browser?.close();
  await hearth?.stop();
});

test('what belongs to one person', async (t) => {
  const step = steps(t);
  const lead = await Person.open(browser, hearth.facilitator);
  const [ann, ben] = await Promise.all(hearth.members.slice(0, 2).map((link) => Person.open(browser, link)));
  const [, , beside] = hearth.members;

  await step('a call for help that nobody has taken yet shows where else help is', async () => {
    await lead.join();
    await lead.seated();
    await ann.join();
    await ann.heading('You are in the waiting room');
    hearth.halt();
    await ann.callForHelp();
    await ann.sees('We are not sure yet that your call has arrived.');
    await ann.page.getByRole('link', { name: '988' }).first().waitFor();
    hearth.goOn();
    await ann.sees('The facilitators have been told.');
    await ann.page.getByRole('link', { name: '988' }).first().waitFor();
    await lead.press(/^I have seen it: /, { within: lead.desk });
    await ann.sees('A facilitator has seen it');
    await lead.press(/^Let in /, { within: lead.desk });
    await ann.press('Thank you');
  });

  await step('everybody is there', async () => {
    await ben.join();
    await lead.press(/^Let in /, { within: lead.desk });
    for (const person of [lead, ann, ben]) {
      await person.seated();
      await person.learnWhoOneIs();
    }
  });

  await step('a goal is read by others only where one wants it', async () => {
    await ann.press('For you');
    await ann.press('Write a goal');
    await ann.page.getByLabel('One line, for yourself').fill('Call my sister.');
    await ann.press('Keep it');
    await ann.sees('Only you can read it.');
    assert.equal(await ben.page.getByText('Call my sister.').count(), 0);
    await ann.press('Change it');
    await ann.page.getByLabel('The others may read it').check();
    await ann.press('Keep it');
    await ben.tile(ann).getByText('Call my sister.').waitFor();
  });

  await step('what one is proud of is told to everybody once', async () => {
    await ann.page.getByLabel(/^The group sees it for a moment/).fill('Thirty days.');
    await ann.press('Tell the group');
    for (const person of [lead, ben]) await person.sees('is proud of something');
  });

  await step('feedback reaches who asked for it, in the part that is for it', async () => {
    await ann.page.getByLabel('I would like feedback from the others').click();
    await lead.unfold('Format');
    await lead.desk.getByLabel('Format').selectOption('skills');
    await lead.press('Change to it', { within: lead.desk });
    await lead.unfold('Agenda');
    await lead.desk.getByRole('button', { name: /^Feedback for those who want it/ }).click();
    await ben.press('For you');
    await ben.page.getByLabel('Feedback for').selectOption({ label: ann.alias });
    await ben.page.getByLabel('What was good to hear or see?').fill('You listened well.');
    await ben.press('Give it');
    await ben.sees(`${ann.alias} has it now.`);
    await ann.sees('You listened well.');
    assert.equal(await lead.page.getByText('You listened well.').count(), 0);
    await check(ben);
    await ben.press('Close what is for you');
  });

  await step('what is one’s own can be taken along', async () => {
    await ann.part('How was today?').getByRole('radio', { name: '8', exact: true }).click({ force: true });
    await ann.sees('Thank you. It helps');
    const saved = await ann.saves('Save what is mine');
    for (const own of ['Call my sister.', 'Thirty days.', 'You listened well.']) assert.ok(saved.includes(`- ${own}`), saved);
    await ann.press('Take it away');
    await ben.tile(ann).getByText('Call my sister.').waitFor({ state: 'detached' });
  });

  await step('somebody else sits down at one’s device, with a link and an agreement of their own', async () => {
    const here = ann.part('Who sits here with me');
    await ann.press('Somebody sits here too', { within: here });
    await here.getByLabel('Their own personal link').fill(`${hearth.url}/elsewhere`);
    await here.getByText('This is no link of this place.').waitFor();
    await here.getByLabel('Their own personal link').fill(beside);
    await ann.press('Go on', { within: here });
    await ann.press('I agree, and I sit here too', { within: here });
    await here.getByText('The facilitators have been asked to let them in.').waitFor();
    await lead.desk.getByText(`Sits beside ${ann.alias}`).waitFor();
    await lead.press(/^Let in /, { within: lead.desk });
    const gone = here.getByRole('button', { name: /does not sit here any more$/ });
    await gone.waitFor();
    for (const person of [lead, ann, ben]) await person.tile(ann).getByText(`${ann.alias} and `).waitFor();
    await gone.click();
    await gone.waitFor({ state: 'detached' });
    for (const person of [lead, ann, ben]) await person.tile(ann).getByText(ann.alias, { exact: true }).waitFor();
    await ann.press('Close what is for you');
  });

  await step('a member helps for a while, with as much of the desk as that takes', async () => {
    await lead.press(`More for ${ben.alias}`, { within: lead.desk });
    await lead.press(`Let help: ${ben.alias}`, { within: lead.desk });
    await ben.sees('You are asked to help a little today.');
    await ann.tile(ben).getByText('helps today').waitFor();
    await ben.press('Tasks');
    const tasks = ben.page.getByRole('complementary', { name: 'What you help with' });
    await ben.press('Start the timer', { within: tasks });
    await ann.page.getByRole('timer', { name: 'Writing' }).waitFor();
    await ben.press('Take the timer away', { within: tasks });
    await ann.page.getByRole('timer').waitFor({ state: 'detached' });
    await ben.press(`Mute ${ann.alias}`, { within: tasks });
    await ann.sees('The facilitator has muted you for now.');
    await ben.press(`More for ${ann.alias}`, { within: tasks });
    await ben.press(`Give the floor to ${ann.alias}`, { within: tasks });
    await ben.button(`Take the floor back from ${ann.alias}`).waitFor();
    assert.equal(await tasks.getByRole('button', { name: /Remove|waiting room|Lock|Let in/ }).count(), 0);
    await check(ben);
    await lead.press(`End helping: ${ben.alias}`, { within: lead.desk });
    await ben.button('Tasks').waitFor({ state: 'detached' });
    await tasks.waitFor({ state: 'detached' });
  });

  await step('while the line is broken, whoever called for help is shown where else it is', async () => {
    await ann.callForHelp();
    await ann.sees('The facilitators have been told.');
    await ann.context.setOffline(true);
    await ann.loseSocket();
    await ann.sees('The line to the facilitators is broken just now.');
    await ann.page.getByRole('link', { name: '988' }).waitFor();
    await ann.context.setOffline(false);
    await ann.sees('The facilitators have been told.');
    await lead.desk.getByText(`${ann.alias} needs somebody.`).first().waitFor();
  });
});
