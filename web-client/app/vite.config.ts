import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // Fonts and pictures stay files: the pages' policy knows no data: addresses for them.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
