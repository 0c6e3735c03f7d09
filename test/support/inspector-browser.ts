import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { CHROMIUM, launchChromium } from './chromium.js';

const AXE = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);

/** In a run of `CI`, a missing browser fails the tests. */
export const isBrowserMissing = !existsSync(CHROMIUM) && !process.env['CI'];

let browser: Browser | undefined;

beforeAll(async () => {
  if (!isBrowserMissing) browser = await launchChromium();
});

afterAll(() => browser?.close());

export interface Opening {
  /** Fragment of the URL, which names the tab. */
  readonly at?: string;
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
  /** Errors that the browser logs of answers of the server. */
  readonly allowedError?: RegExp;
}

/**
 * Opens the page. The test fails on a request to another server, and on anything that the browser logs as an error or
 * a warning, such as a violation of the page's policy.
 */
export async function openPage(
  url: string,
  {
    at = '',
    width = 1_280,
    colorScheme = 'light',
    allowedError = /^$/,
  }: Opening = {},
): Promise<Page> {
  const page = await browser!.newPage({
    viewport: { width, height: 740 },
    colorScheme,
  });
  const problems: string[] = [];
  page.on('pageerror', error => problems.push(error.message));
  page.on('console', message => {
    const isProblem = ['error', 'warning'].includes(message.type());
    if (isProblem && !allowedError.test(message.text())) {
      problems.push(message.text());
    }
  });
  page.on('request', request => {
    const isOwn = [url, `blob:${new URL(url).origin}/`].some(own =>
      request.url().startsWith(own),
    );
    if (!isOwn) problems.push(request.url());
  });
  onTestFinished(async () => {
    await page.close();
    expect(problems).toEqual([]);
  });
  await page.goto(`${url}${at}`);
  return page;
}

/** Rows of the list of events or of dead letters. */
export const rowsOf = (page: Page) => page.locator('button.row');

/** Waits until the list has as many rows, and returns their texts. */
export async function rowTexts(page: Page, count: number): Promise<string[]> {
  await expect.poll(() => rowsOf(page).count()).toBe(count);
  return rowsOf(page).allTextContents();
}

export const buttonOf = (page: Page, name: string) =>
  page.getByRole('button', { name, exact: true });

/** Counts of the list, such as "2 of 40 events". */
export const countOf = (page: Page) =>
  page.locator('.bar [role=status]').textContent();

/** Rules that axe-core finds broken, each with the elements. */
export async function violationsOf(page: Page): Promise<unknown> {
  // Not as a script element, which the policy of the page forbids.
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(): Promise<{
          violations: { id: string; nodes: { html: string }[] }[];
        }>;
      };
    };
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => [
      id,
      ...nodes.map(({ html }) => html),
    ]);
  });
}
