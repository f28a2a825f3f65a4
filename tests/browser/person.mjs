/** One person in front of one browser, found and touched as people do: by role and name. */

import { readFile } from 'node:fs/promises';
import { received, remember, shown } from './media.mjs';
import { servePages } from './pages.mjs';

const PATIENCE_MS = 15_000;

export class Person {
  page;
  context;
  /** Known once one is in the room. */
  id;
  alias = 'somebody';

  /** Opens the link in a browser that knows nothing yet. */
  static async open(browser, link, ...scripts) {
    const person = new Person();
    person.context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    person.context.setDefaultTimeout(PATIENCE_MS);
    await servePages(person.context);
    for (const script of [remember, ...scripts]) await person.context.addInitScript(script);
    person.page = await person.context.newPage();
    await person.page.goto(link);
    return person;
  }

  async close() {
    await this.context.close();
  }

  // What this person does.

  press(name, { within = this.page } = {}) {
    return within.getByRole('button', { name, exact: true }).click();
  }

  async join() {
    await this.press('Join');
    await this.press('I agree');
  }

  async unmute() {
    await this.press('Unmute', { within: this.bar });
    await this.button('Mute').waitFor();
  }

  /** Touches a button that looks held, and is told why in words. */
  async tryToUnmute() {
    await this.bar.getByRole('button', { name: 'Unmute', exact: true }).click({ force: true });
    await this.page.getByRole('alert').filter({ hasText: /\w/ }).first().waitFor();
    await this.press('Close this message');
    await this.button('Unmute').waitFor();
  }

  async turnCameraOn() {
    await this.press('Turn camera on', { within: this.bar });
    await this.button('Turn camera off').waitFor();
  }

  async callForHelp() {
    await this.press('I need somebody');
    await this.press('Tell the facilitators now');
  }

  /** Opens the chat, and writes to whoever stands there first. */
  async write(text) {
    await this.press(/^Chat/);
    await this.page.getByLabel(/^(What you want to write|To )/).last().fill(text);
    await this.press('Send');
  }

  /** Opens a part of the desk that is folded, or folds it again. */
  unfold(title) {
    return this.desk.locator('summary').filter({ hasText: title }).click();
  }

  /** Saves by this button, and reads what was saved. */
  async saves(name, { within = this.page } = {}) {
    const download = this.page.waitForEvent('download');
    const [file] = await Promise.all([download, this.press(name, { within })]);
    return readFile(await file.path(), 'utf8');
  }

  loseSocket() {
    return this.page.evaluate(() => window.remembered.sockets.at(-1).close());
  }

  // What this person sees.

  sees(text) {
    return this.page.getByText(text).first().waitFor();
  }

  heading(name) {
    return this.page.getByRole('heading', { name }).first().waitFor();
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  get bar() {
    return this.page.getByRole('navigation', { name: 'Your controls' });
  }

  get desk() {
    return this.page.getByRole('complementary', { name: "Facilitator's desk" });
  }

  /** A part of the page by its name. */
  part(name) {
    return this.page.getByRole('region', { name, exact: true });
  }

  get people() {
    return this.page.getByRole('list', { name: 'People in the room' });
  }

  tile({ id }) {
    return this.people.locator(`[data-participant="${id}"]`);
  }

  seated() {
    return this.people.waitFor();
  }

  /** One's own tile says which participant one is, and by which name. */
  async learnWhoOneIs() {
    const own = this.people.locator('[data-participant][data-self]');
    this.id = await own.getAttribute('data-participant');
    this.alias = (await own.locator('.alias').textContent()).trim();
  }

  seesNoPictureOf({ id, alias }) {
    return until(`${this.alias} sees no picture of ${alias}`, () => this.shown(), (now) => now[id] === 0);
  }

  sockets() {
    return this.page.evaluate(() => ({
      made: window.remembered.sockets.length,
      open: window.remembered.sockets.at(-1).readyState === 1,
    }));
  }

  received() {
    return this.page.evaluate(received);
  }

  shown() {
    return this.page.evaluate(shown);
  }
}

/** Asks again until `holds` says yes; what it saw last is part of the complaint. */
export async function until(what, look, holds, patience = PATIENCE_MS) {
  const end = performance.now() + patience;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (performance.now() > end) throw new Error(`never came true: ${what}; last seen ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
