/** The server cannot keep its record: whoever is there stays as they are, nobody comes in, and a call for help still reaches somebody. */

import { after, before, test } from 'node:test';
import { check } from './axe.mjs';
import { launch } from './chromium.mjs';
import { Hearth } from './hearth.mjs';
import { Person } from './person.mjs';
import { steps } from './scene.mjs';

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

test('a facilitator who comes while nothing can be recorded', async (t) => {
  const step = steps(t);
  const lead = await Person.open(browser, hearth.facilitator);
  const [ann, ben] = await Promise.all(hearth.members.slice(0, 2).map((link) => Person.open(browser, link)));

  await step('the facilitator and Ann are there', async () => {
    await lead.join();
    await lead.seated();
    await ann.join();
    await lead.press(/^Let in /, { within: lead.desk });
    for (const person of [lead, ann]) {
      await person.seated();
      await person.learnWhoOneIs();
    }
    await hearth.fillDisk();
  });

  await step('whoever had lost the line reads at the desk why it waits, and who calls', async () => {
    await lead.loseSocket();
    await lead.sees('The server cannot write down what happens just now, so your desk waits.');
    await ann.callForHelp();
    await ann.sees('The facilitators have been told.');
    await lead.desk.getByText(`${ann.alias} needs somebody.`).first().waitFor();
    await check(lead);
  });

  await step('whoever opens the page anew sees the call and nothing else, and answers it', async () => {
    await lead.page.reload();
    await lead.heading('Your desk opens by itself in a while');
    await lead.page.getByText(`${ann.alias} needs somebody.`).first().waitFor();
    await check(lead);
    await lead.press(`Answer ${ann.alias}`);
    await ann.sees('A facilitator has seen it');
    await ann.sees('I have seen it, and I am with you.');
    await lead.sees(`${ann.alias}: answered`);
  });

  await step('no member comes in meanwhile', async () => {
    await ben.press('Join');
    await ben.sees('One moment, please …');
  });

  await step('once it can be recorded, the desk opens and the door too, without a click', async () => {
    await hearth.fillDisk();
    await lead.seated();
    await lead.desk.getByText(`${ann.alias}: answered by ${lead.alias}`).waitFor();
    await ben.press('I agree');
    await lead.press(/^Let in /, { within: lead.desk });
    await ben.seated();
  });
});
