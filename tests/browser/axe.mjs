/** Whether a page can be read and reached by everybody: axe against WCAG 2.2 AA, in the evening and by day, large and small. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const LARGE = { width: 1280, height: 800 };
const SMALL = { width: 360, height: 640 };

/** Nothing on what this person sees now is out of reach for anybody. */
export async function check({ page }) {
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
