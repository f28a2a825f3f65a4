/** What a facilitator does beside guiding who speaks: formats, timers, attendance, a screen to look at, rules that change. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { check } from './axe.mjs';
import { launch } from './chromium.mjs';
import { binary, Hearth } from './hearth.mjs';
import { Person, until } from './person.mjs';
import { steps } from './scene.mjs';

let folder;
let kept;
let hearth;
let browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearth-desk-'));
  kept = { HEARTH_STORE__PATH: join(folder, 'hearth.sqlite') };
  hearth = await Hearth.start([], kept);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await hearth?.stop();
  if (folder) await rm(folder, { recursive: true });
});

const OWN_FORMAT = `
name = "ours"
title = "Our own way"

[[segment]]
kind = "check_in"
title = "How we begin"
floor = "hands"
prompt = "One word is enough."

[[segment]]
kind = "closing"
title = "How we end"
floor = "open"
`;

const file = (name, text) => ({ name, mimeType: 'application/toml', buffer: Buffer.from(text) });

test('a facilitator has everything at the desk', async (t) => {
  const step = steps(t);
  const lead = await Person.open(browser, hearth.facilitator);
  const ann = await Person.open(browser, hearth.members[0]);

  await step('everybody is there', async () => {
    await lead.join();
    await lead.seated();
    await ann.join();
    await lead.press(/^Let in /, { within: lead.desk });
    for (const person of [lead, ann]) {
      await person.seated();
      await person.learnWhoOneIs();
    }
  });

  await step('every part of the desk can be read and reached', async () => {
    await lead.press(`More for ${ann.alias}`, { within: lead.desk });
    for (const summary of await lead.desk.locator('summary').all()) await summary.click();
    await check(lead);
    await lead.press(`More for ${ann.alias}`, { within: lead.desk });
  });

  await step('a format that cannot be read says where, and changes nothing', async () => {
    const open = lead.desk.getByLabel('Open a file');
    await open.setInputFiles(file('ours.toml', OWN_FORMAT.replace('"check_in"', '"chec_in"')));
    await lead.desk.getByText(/^Line 6, column \d+: /).waitFor();
    await ann.part('This part').getByText('Welcome', { exact: true }).waitFor();
    await open.setInputFiles(file('ours.toml', OWN_FORMAT));
    await lead.desk.getByText('ours.toml is the format now.').waitFor();
    await ann.part('This part').getByText('One word is enough.').waitFor();
    await lead.press('Next: How we end', { within: lead.desk });
    await ann.part('This part').getByText('How we end').waitFor();
    const saved = await lead.saves('Save as a file', { within: lead.desk });
    assert.match(saved, /title = "Our own way"/);
  });

  await step('a gentle timer is seen by everybody until it is taken away', async () => {
    await lead.desk.getByLabel('For what').fill('A letter to myself');
    await lead.press('Start the timer', { within: lead.desk });
    await ann.page.getByRole('timer', { name: 'A letter to myself' }).waitFor();
    await lead.press('A quiet moment together', { within: lead.desk });
    await ann.sees('There is no hurry.');
    await ann.page.getByRole('timer').waitFor({ state: 'detached' });
    await lead.press('End the quiet moment', { within: lead.desk });
    await lead.press('Take the timer away', { within: lead.desk });
    await lead.button('Start the timer').waitFor();
  });

  await step('attendance is attested and corrected, and both can be read afterwards', async () => {
    await lead.press('I attest who was here', { within: lead.desk });
    await lead.button('Attest once more').waitFor();
    await lead.desk.getByLabel('For whom').selectOption({ label: ann.alias });
    await lead.desk.getByRole('spinbutton').fill('50');
    await lead.desk.getByLabel('Why, in a few words').fill('Her line was down.');
    await lead.press('Add the correction', { within: lead.desk });
    await lead.desk.getByText(`Added. ${ann.alias}: 50 minutes.`).waitFor();
    const shown = await attendance();
    assert.match(shown, /Her line was down/);
  });

  await step('a screen is shown to everybody, and to nobody when it ends', async () => {
    await lead.press('Show my screen', { within: lead.bar });
    const screen = ann.page.getByRole('figure').filter({ hasText: `${lead.alias} shows a screen` });
    await screen.and(ann.page.locator('[data-shown="true"]')).waitFor();
    const frames = () => screen.locator('video').evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames);
    await until('the screen is seen to move', frames, (count) => count > 5);
    await lead.press('Stop showing my screen', { within: lead.bar });
    await screen.waitFor({ state: 'detached' });
  });

  await step('ground rules that changed are agreed to at one’s seat', async () => {
    const { port } = new URL(hearth.url);
    await hearth.stop();
    hearth = await Hearth.start([], { ...kept, HEARTH_ROOM__GROUND_RULES__VERSION: '2' }, port);
    for (const person of [lead, ann]) {
      await person.heading('The ground rules have changed');
      if (person === ann) await check(person);
      await person.press('I agree', { within: person.part('New ground rules') });
      await person.part('New ground rules').waitFor({ state: 'detached' });
      await person.seated();
    }
  });
});

async function attendance() {
  const env = { ...process.env, ...kept, HEARTH_ROOMS__HEARTH__TITLE: 'Evening group' };
  const { stdout } = await promisify(execFile)(binary, ['attendance', '--room', 'hearth'], { env });
  return stdout;
}
