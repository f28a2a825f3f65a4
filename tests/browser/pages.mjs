/** For working on the pages: with `HEARTH_PAGES=web-client/app/dist` browsers get them from there, not from the server. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env.HEARTH_PAGES;

export async function servePages(context) {
  if (!folder) return;
  await context.route(
    ({ pathname }) => !pathname.startsWith('/v1/'),
    (route) => {
      const { pathname } = new URL(route.request().url());
      const path = join(folder, pathname === '/' || pathname === '/join' ? 'index.html' : pathname);
      return existsSync(path) ? route.fulfill({ path }) : route.continue();
    },
  );
}
