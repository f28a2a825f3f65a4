import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import typescript from 'typescript-eslint';

/** The pages stand on the SDK and nothing beneath it. */
const onTheSdkAlone = {
  files: ['app/**', 'example/**'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          { group: ['**/generated/**', '**/sdk/src/**', '@hearth/sdk/*'], message: 'Import from @hearth/sdk alone.' },
        ],
      },
    ],
    'no-restricted-syntax': [
      'error',
      {
        selector: 'Identifier[name=/^(RTCPeerConnection|WebSocket)$/]',
        message: 'The SDK alone speaks to the server.',
      },
      {
        selector: 'Literal[value=/^(RTCPeerConnection|WebSocket)$/]',
        message: 'The SDK alone speaks to the server.',
      },
    ],
  },
};

export default typescript.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'sdk/src/generated/**'] },
  js.configs.recommended,
  ...typescript.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: typescript.parser } },
  },
  {
    files: ['*.config.js', '**/*.config.{js,ts}', '**/tests/**'],
    languageOptions: { globals: { ...globals.node } },
  },
  onTheSdkAlone,
);
