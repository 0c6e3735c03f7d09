import { readFileSync } from 'node:fs';
import { defineConfig, type DefaultTheme } from 'vitepress';
import { GUIDE } from './sidebar.js';

/** Entries of the API reference, which TypeDoc writes before VitePress runs. */
const API = JSON.parse(
  readFileSync(new URL('../api/typedoc-sidebar.json', import.meta.url), 'utf8'),
) as DefaultTheme.SidebarItem[];

const ICON = readFileSync(
  new URL('../../lib/inspector/page/icon.svg', import.meta.url),
  'utf8',
);

export default defineConfig({
  lang: 'en',
  title: 'nestjs-xenioo',
  description:
    'The Events Webhook of the Xenioo chatbot platform as typed, validated events in NestJS.',
  head: [
    [
      'link',
      { rel: 'icon', href: `data:image/svg+xml,${encodeURIComponent(ICON)}` },
    ],
  ],
  themeConfig: {
    nav: [
      { text: 'Guide', link: '/getting-started', activeMatch: '^/(?!api/).' },
      { text: 'API', link: '/api/', activeMatch: '^/api/' },
    ],
    sidebar: {
      '/': GUIDE,
      '/api/': [{ text: 'API', link: '/api/', items: API }],
    },
    outline: [2, 3],
    search: { provider: 'local' },
  },
  // The index of the search is one chunk, which is loaded when somebody searches.
  vite: { build: { chunkSizeWarningLimit: 2_000 } },
});
