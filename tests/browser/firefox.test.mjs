/**
 * The same room in the other browser: one member in Firefox, a facilitator in Chromium, each sees and hears the other.
 *
 * Firefox makes no media connection to 127.0.0.1, so this meeting is on an address that others could reach too.
 */

import { networkInterfaces } from 'node:os';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { launch } from './chromium.mjs';
import { Hearth } from './hearth.mjs';
import { received, remember, shown } from './media.mjs';
import { Person, until } from './person.mjs';

const address = Object.values(networkInterfaces())
  .flat()
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // Stands in for https, without which pages get no devices.
  'dom.securecontext.allowlist': address,
};

let hearth;
let chromium;
let firefox;

before(async () => {
  if (!address) return;
  hearth = await Hearth.start(['--address', address]);
  chromium = await launch(`--unsafely-treat-insecure-origin-as-secure=${hearth.url}`);
  firefox = await puppeteer.launch({
    browser: 'firefox',
    protocol: 'webDriverBiDi',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
    headless: true,
    extraPrefsFirefox: PREFERENCES,
  });
});

after(async () => {
  await firefox?.close();
  await chromium?.close();
  await hearth?.stop();
});

test('a member in Firefox and a facilitator in Chromium see and hear each other', async (t) => {
  if (!address) return t.skip('this machine has no address but 127.0.0.1, which Firefox does not use for media');
  const lead = await Person.open(chromium, hearth.facilitator);
  await lead.join();
  await lead.seated();
  await lead.turnCameraOn();
  await lead.unmute();

  const page = await firefox.newPage();
  const press = (name) => until(`"${name}" is there to be pressed`, () => page.evaluate(touch, name), Boolean);
  await page.evaluateOnNewDocument(remember);
  await page.goto(hearth.members[0]);
  await press('Join');
  await press('I agree');
  await lead.press(/^Let in /, { within: lead.desk });
  await press('Turn camera on');
  await press('Unmute');

  const moving = (frames) => Object.values(frames).some((count) => count > 10);
  const heard = ({ energy, voices }) => energy > 0 && voices > 10;
  await until('Firefox sees the facilitator', () => page.evaluate(shown), moving);
  await until('Firefox hears the facilitator', () => page.evaluate(received), heard);
  await until('Chromium sees the member', () => lead.shown(), moving);
  await until('Chromium hears the member', () => lead.received(), heard);
});

/** Runs inside the page. */
function touch(name) {
  const named = (button) => (button.ariaLabel ?? button.textContent).trim() === name && !button.disabled;
  const button = [...document.querySelectorAll('button')].find(named);
  button?.click();
  return button !== undefined;
}
