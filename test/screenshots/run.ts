import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { XeniooInspectorModule } from 'nestjs-xenioo/inspector';
import { XeniooSender } from 'nestjs-xenioo/testing';
import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.js';
import { setClock } from './simulated-clock.js';
import { Search, simulateHour } from './simulated-hour.js';

const IMAGES = 'docs/images';

/** Row of each list whose detail is shown. */
const ROWS: Readonly<Record<string, string>> = {
  live: 'failed',
  'dead-letters': 'ECONNREFUSED',
  invalid: '',
};

const { values } = parseArgs({
  // Folder for the pictures of every tab, at both widths and in both schemes.
  options: { all: { type: 'string' } },
});

// AppModule reads the secret when it is imported.
const secret = (process.env['XENIOO_SECRET'] = 'quickstart-secret');
setClock(Date.now() - 60 * 60_000);
const { AppModule } =
  await import('../../sample/01-quickstart/src/app.module.js');

const inspector = XeniooInspectorModule.forRoot({ decorators: [] });
const app = await NestFactory.create(
  {
    module: class SimulatedModule {},
    imports: [AppModule, inspector],
    providers: [Search],
  },
  { logger: false },
);
await app.listen(0, '127.0.0.1');
const origin = await app.getUrl();
const url = `${origin}/xenioo/inspector/`;
const sender = new XeniooSender({ url: `${origin}/xenioo/webhook`, secret });
await simulateHour(sender);
sender.close();

const browser = await launchChromium({
  // As people see the page.
  ignoreDefaultArgs: ['--hide-scrollbars'],
});
if (values.all === undefined) {
  await mkdir(IMAGES, { recursive: true });
  const size = { width: 1_280, height: 800 };
  await picture(browser, 'live', size, `${IMAGES}/inspector-live.png`);
  await picture(
    browser,
    'dead-letters',
    size,
    `${IMAGES}/inspector-dead-letters.png`,
  );
  await picture(
    browser,
    'overview',
    { width: 1_280, height: 916 },
    `${IMAGES}/inspector-overview.png`,
  );
} else {
  await mkdir(values.all, { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1_280, 360]) {
      for (const tab of ['overview', ...Object.keys(ROWS)]) {
        const size = { width, height: width === 360 ? 760 : 900 };
        const path = `${values.all}/${tab}-${width}-${colorScheme}.png`;
        await picture(browser, tab, size, path, colorScheme);
      }
    }
  }
}
await browser.close();
await app.close();

/** Takes a picture of a tab; of a list with a detail. */
async function picture(
  browser: Browser,
  tab: string,
  viewport: { readonly width: number; readonly height: number },
  path: string,
  colorScheme: 'light' | 'dark' = 'light',
): Promise<void> {
  const page = await browser.newPage({ viewport, colorScheme });
  await page.goto(`${url}#${tab}`);
  await page.locator('button.row, canvas').first().waitFor();
  if (tab in ROWS) await openDetail(page, ROWS[tab]!, path);
  await page.screenshot({ path });
  await page.close();
}

async function openDetail(
  page: Page,
  text: string,
  path: string,
): Promise<void> {
  // At a small width the detail covers the list.
  if (page.viewportSize()!.width < 400) {
    await page.screenshot({ path: path.replace('.png', '-list.png') });
  }
  await page.locator('button.row', { hasText: text }).first().click();
  await page.locator('.detail').waitFor();
}
