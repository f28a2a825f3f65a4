import { defineConfig } from 'vite';

/** `npm run dev` shows the example on its own port and passes on what is for the server. */
const server = process.env['HEARTH_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  server: { proxy: { '/v1': { target: server, ws: true } } },
  preview: { proxy: { '/v1': { target: server, ws: true } } },
});
