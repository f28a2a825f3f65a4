/** Figures, not a test: `node figures.mjs` prints how long a join takes, `node figures.mjs meeting MINUTES` how a meeting of six runs. */

import { launch } from './chromium.mjs';
import { Hearth } from './hearth.mjs';
import { Person, until } from './person.mjs';

const JOINS = 20;

/** Runs in the page: remembers when a button was clicked, and when the first picture of somebody else was there. */
function stopwatch() {
  window.times = {};
  const now = () => performance.timeOrigin + performance.now();
  addEventListener('click', ({ target }) => (window.times[target.textContent.trim()] = now()), true);
  new MutationObserver(() => {
    if (document.querySelector('h1')?.textContent.startsWith('How we keep')) window.times.rules ??= now();
    if (document.querySelector('[data-shown="true"]')) window.times.picture ??= now();
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-shown'] });
}

async function measureJoin(browser) {
  const hearth = await Hearth.start();
  const lead = await Person.open(browser, hearth.facilitator, stopwatch);
  await lead.join();
  await lead.seated();
  await lead.turnCameraOn();
  const member = await Person.open(browser, hearth.members[0], stopwatch);
  await member.join();
  await member.heading('You are in the waiting room');
  await lead.press(/^Let in /, { within: lead.desk });
  const there = await until('the first picture', () => member.page.evaluate(() => window.times), ({ picture }) => picture);
  const { 'Let in': admitted } = await lead.page.evaluate(() => window.times);
  await lead.close();
  await member.close();
  await hearth.stop();
  return { door: there.rules - there.Join, room: there.picture - admitted };
}

function percentiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms`;
}

async function joins(browser) {
  const all = [];
  for (let at = 0; at < JOINS; at++) all.push(await measureJoin(browser));
  console.log(`${JOINS} joins`);
  console.log(`  click on "Join" to the ground rules: ${percentiles(all.map(({ door }) => door))}`);
  console.log(`  click on "Let in" to the first picture: ${percentiles(all.map(({ room }) => room))}`);
  console.log(`  both: ${percentiles(all.map(({ door, room }) => door + room))}`);
}

async function meeting(browser, minutes) {
  const hearth = await Hearth.start(['--members', '5']);
  const lead = await Person.open(browser, hearth.facilitator);
  await lead.join();
  await lead.seated();
  const people = [lead];
  for (const link of hearth.members) {
    const member = await Person.open(browser, link);
    await member.join();
    await lead.press(/^Let in /, { within: lead.desk });
    await member.seated();
    people.push(member);
  }
  for (const person of people) {
    await person.turnCameraOn();
    await person.unmute();
  }
  await new Promise((over) => setTimeout(over, minutes * 60_000));
  for (const person of people) console.log(await person.received());
  await hearth.stop();
}

// A camera's usual rate: a picture is not there sooner than the next frame.
const browser = await launch('--use-fake-device-for-media-stream=fps=30');
const [what, minutes = '10'] = process.argv.slice(2);
await (what === 'meeting' ? meeting(browser, Number(minutes)) : joins(browser));
await browser.close();
