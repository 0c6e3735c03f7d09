import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import {
  afterAll,
  beforeAll,
  describe,
  expect,
  it,
  onTestFinished,
} from 'vitest';
import { InspectorServer } from '../support/inspector-server.js';

const AXE = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);

const TABS = ['#overview', '#live', '#dead-letters', '#invalid'];

const CHROMIUM = '/usr/bin/chromium';

/** In a run of `CI`, a missing browser fails the tests. */
const isMissing = !existsSync(CHROMIUM) && !process.env['CI'];

let browser: Browser | undefined;

beforeAll(async () => {
  if (isMissing) return;
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
});

afterAll(() => browser?.close());

async function serve(): Promise<InspectorServer> {
  const server = new InspectorServer();
  await server.start();
  onTestFinished(() => server.stop());
  return server;
}

interface Opening {
  /** Fragment of the URL. */
  readonly at?: string;
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
  /** Errors that the browser logs of answers of the server. */
  readonly allowedError?: RegExp;
}

/** Opens the page; the test fails on an error in its console and on a request to another server. */
async function open(
  server: InspectorServer,
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
    if (!request.url().startsWith(server.url)) problems.push(request.url());
  });
  onTestFinished(async () => {
    await page.close();
    expect(problems).toEqual([]);
  });
  await page.goto(`${server.url}${at}`);
  return page;
}

const rows = (page: Page) => page.locator('button.row');

/** Counts of the list, such as "2 of 40 events". */
const countOf = (page: Page) =>
  page.locator('.bar [role=status]').textContent();

/** Rules that axe-core finds broken, each with the elements. */
async function violationsOf(page: Page): Promise<unknown> {
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

describe.skipIf(isMissing)('the page of the inspector', () => {
  it('shows events as they come', async () => {
    const server = await serve();
    const page = await open(server, { at: '#live' });
    await page.getByText('No events yet').waitFor();

    server.addEvent({ conversationId: 'first' });
    await page.getByRole('button', { name: 'first' }).waitFor();
    server.addEvent({ conversationId: 'second' });

    await expect
      .poll(() => rows(page).allTextContents())
      .toEqual([
        expect.stringContaining('second'),
        expect.stringContaining('first'),
      ]);
  });

  it('adds the result of a handler to the row of its event', async () => {
    const server = await serve();
    const page = await open(server, { at: '#live' });
    const event = server.addEvent({ results: [] });
    await page.getByRole('button', { name: 'No handler' }).waitFor();

    const result = { handler: 'Crm.save', attempt: 1, durationMs: 12 };
    server.resend({ ...event, results: [{ ...result, status: 'done' }] });

    await page.getByRole('button', { name: 'done 12 ms' }).waitFor();
    expect(await rows(page).count()).toBe(1);
  });

  it('filters events by type, conversation, handler and result', async () => {
    const server = await serve();
    for (let index = 0; index < 40; index++) server.addEvent();
    server.addEvent({
      typeName: 'hand-over',
      conversationId: 'odd-one',
      results: [{ handler: 'Odd.handle', status: 'failed', attempt: 2 }],
    });
    const page = await open(server, { at: '#live' });
    await expect.poll(() => countOf(page)).toBe('41 events');

    for (const [label, value] of [
      ['Type', 'hand-over'],
      ['Handler', 'Odd.handle'],
    ] as const) {
      await page.getByLabel(label).selectOption(value);
      await expect.poll(() => countOf(page)).toBe('1 of 41 events');
      await page.getByRole('button', { name: 'Clear filters' }).click();
      await expect.poll(() => countOf(page)).toBe('41 events');
    }
    await page.getByLabel('Conversation').fill('odd');
    await expect.poll(() => countOf(page)).toBe('1 of 41 events');
    await page.getByLabel('Result').selectOption('done');
    await page.getByText('No event fits the filters').waitFor();
  });

  it('hides texts until the reader reveals them', async () => {
    const server = await serve();
    const { seq } = server.addEvent({ conversationId: 'one' });
    const text = server.texts.get(seq)!;
    const page = await open(server, { at: '#live' });
    await rows(page).click();
    await page
      .getByText('The text and the entry as received are hidden.')
      .waitFor();
    expect(await page.content()).not.toContain(text);

    await page.getByRole('button', { name: 'Reveal' }).click();

    await page.locator('blockquote', { hasText: text }).waitFor();
    await page.getByRole('button', { name: 'Hide' }).click();
    await expect.poll(() => page.content()).not.toContain(text);
  });

  it('shows a conversation in the order of its events', async () => {
    const server = await serve();
    const talk = ['2024-05-01T12:00:02Z', '2024-05-01T12:00:01Z'];
    for (const date of talk) {
      server.addEvent({
        conversationId: 'a/b c',
        hasText: true,
        date,
        bot: date,
      });
    }
    server.addEvent({ conversationId: 'other' });
    const page = await open(server, { at: '#live' });
    await rows(page).last().click();
    await page.getByRole('link', { name: 'Show conversation' }).click();

    const turns = page.locator('.turn time');
    await expect
      .poll(() =>
        turns.evaluateAll(all =>
          all.map(time => time.getAttribute('datetime')),
        ),
      )
      .toEqual(talk.toReversed());
    await page.getByRole('button', { name: 'Reveal texts' }).click();
    await page.getByText(server.texts.get(1)!).waitFor();
    await page.getByText(server.texts.get(2)!).waitFor();
  });

  it('asks for credentials when the API refuses a request', async () => {
    const server = await serve();
    server.authorization = 'Bearer right';
    server.addEvent({ conversationId: 'one' });
    const page = await open(server, { at: '#live', allowedError: /401/ });
    const dialog = page.getByRole('dialog', { name: 'Authorization' });
    const input = page.getByLabel('Value of the header');
    await input.fill('Bearer wrong');
    await input.press('Enter');
    await dialog.getByText('The server refused this value.').waitFor();
    await input.fill('Bearer right');
    await input.press('Enter');

    await page.getByRole('button', { name: 'one' }).waitFor();
    expect(
      await page.evaluate('[localStorage.length, sessionStorage.length]'),
    ).toEqual([0, 1]);
    await page.reload();
    await page.getByRole('button', { name: 'one' }).waitFor();
    await page.getByRole('button', { name: 'Forget credentials' }).click();
    await dialog.waitFor();
  });

  it('says that it is disconnected, and reconnects after a restart of the server', async () => {
    const server = await serve();
    server.addEvent({ conversationId: 'before' });
    const page = await open(server, { at: '#live', allowedError: /ERR_/ });
    await page.getByRole('button', { name: 'before' }).waitFor();

    await server.stop();
    await page.getByText('What you see may be out of date.').waitFor();
    await server.start();
    server.state = { ...server.state, pid: 4712 };
    server.events.length = 0;
    server.addEvent({ conversationId: 'after' });
    await page.getByRole('button', { name: 'Connect now' }).click();

    await page.getByRole('button', { name: 'after' }).waitFor();
    expect(await rows(page).count()).toBe(1);
  });

  it('replays a dead letter, which leaves the list', async () => {
    const server = await serve();
    server.addLetter();
    server.addLetter();
    const page = await open(server, { at: '#dead-letters' });
    await rows(page).first().click();
    await page.getByText('at Crm.saveMessage').waitFor();

    await page.getByRole('button', { name: 'Replay', exact: true }).click();

    await page.getByText('The event is handled again.').waitFor();
    await expect.poll(() => countOf(page)).toBe('1 dead letter');
  });

  it('replays the dead letters that fit the filters, and no others', async () => {
    const server = await serve();
    for (let index = 0; index < 240; index++) server.addLetter();
    const page = await open(server, { at: '#dead-letters' });
    await page.getByLabel('Error contains').fill('econnrefused');
    await expect.poll(() => countOf(page)).toBe('80 dead letters');

    await page.getByRole('button', { name: 'Replay all…' }).click();
    await page.getByText('80 dead letters fit the filters').waitFor();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: 'Replay' })
      .click();

    await page.getByText('Replayed 80 of 80 dead letters.').waitFor();
    expect(server.letters).toHaveLength(160);
  });

  it('says which dead letters could not be replayed, and why', async () => {
    const server = await serve();
    server.addLetter();
    server.addLetter({ id: 'stuck', handler: 'Gone.handle' });
    server.failures.set('stuck', 'No handler Gone.handle');
    const page = await open(server, {
      at: '#dead-letters',
      allowedError: /409/,
    });

    await page.getByRole('button', { name: 'Replay all…' }).click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: 'Replay' })
      .click();

    await page.getByText('stuck: No handler Gone.handle').waitFor();
    await page.getByText('Replayed 1 of 2 dead letters.').waitFor();
    expect(server.letters.map(({ id }) => id)).toEqual(['stuck']);
  });

  it.each(['', 'Bearer right'])(
    'exports the dead letters that fit the filters, with the credentials "%s"',
    async credentials => {
      const server = await serve();
      for (let index = 0; index < 6; index++) server.addLetter();
      const page = await open(server, {
        at: '#dead-letters',
        allowedError: /401/,
      });
      if (credentials) {
        server.authorization = credentials;
        await page.reload();
        await page.getByLabel('Value of the header').fill(credentials);
        await page.keyboard.press('Enter');
      }
      await rows(page).first().waitFor();
      await page.getByLabel('Handler').fill('Crm.saveMessage');
      await page.getByLabel('Handler').press('Enter');
      await expect.poll(() => countOf(page)).toBe('2 dead letters');

      const downloading = page.waitForEvent('download');
      await page.getByRole('link', { name: 'Export' }).click();
      const download = await downloading;

      expect(download.suggestedFilename()).toBe('dead-letters.ndjson');
      expect(await readFile(await download.path(), 'utf8')).toMatch(
        /^(?:.+\.Crm\.saveMessage"\}\n){2}$/,
      );
    },
  );

  it('reads the events again when updates were dropped', async () => {
    const server = await serve();
    const event = server.addEvent({ results: [] });
    const page = await open(server, { at: '#live' });
    await page.getByRole('button', { name: 'No handler' }).waitFor();

    const results = [
      { handler: 'Crm.save', status: 'done', attempt: 1 },
    ] as const;
    server.events[0] = { ...event, results };
    server.sendDropped(3);

    await page.getByText('3 updates skipped').waitFor();
    await page.getByRole('button', { name: 'done' }).waitFor();
    expect(await rows(page).count()).toBe(1);
  });

  it('keeps the list as it is while its updates are stopped', async () => {
    const server = await serve();
    server.addEvent();
    const page = await open(server, { at: '#live' });
    await rows(page).waitFor();

    await page.getByRole('button', { name: 'Stop updates' }).click();
    server.addEvent();
    const resume = page.getByRole('button', { name: 'Resume updates (1 new)' });
    await resume.waitFor();
    expect(await rows(page).count()).toBe(1);

    await resume.click();
    await expect.poll(() => rows(page).count()).toBe(2);
  });

  it('removes a dead letter and erases a conversation only when confirmed', async () => {
    const server = await serve();
    for (let index = 0; index < 3; index++) server.addLetter();
    const page = await open(server, { at: '#dead-letters' });
    await rows(page).first().click();
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect(server.letters).toHaveLength(3);

    await page.getByRole('button', { name: 'Remove' }).click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: 'Remove' })
      .click();
    await expect.poll(() => server.letters.length).toBe(2);

    await rows(page).first().click();
    await page.getByRole('button', { name: 'Erase conversation' }).click();
    await page.getByRole('button', { name: 'Erase', exact: true }).click();
    await page
      .getByText('Erased the conversation: 2 dead letters removed.')
      .waitFor();
    await page.getByText('No dead letters').waitFor();
  });

  it('pauses and resumes the handlers', async () => {
    const server = await serve();
    const page = await open(server);

    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('This process is paused').waitFor();
    expect(server.state.isPaused).toBe(true);

    await page.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(() => server.state.isPaused).toBe(false);
  });

  it('offers no action when it is read-only', async () => {
    const server = await serve();
    server.addLetter();
    server.state = { ...server.state, readOnly: true };
    const page = await open(server);
    await page.getByText('Events are handled.').waitFor();
    expect(await page.getByRole('button', { name: 'Pause' }).count()).toBe(0);

    await page
      .getByRole('link', { name: 'Dead letters', exact: false })
      .first()
      .click();
    await rows(page).click();
    const actions = page.getByRole('button', { name: /replay|remove|erase/i });
    expect(await actions.count()).toBe(0);
  });

  it('renders few of 10,000 rows, and keeps what is in view when events come', async () => {
    const server = await serve();
    for (let index = 0; index < 9_990; index++) server.addEvent();
    const page = await open(server, { at: '#live' });
    await expect.poll(() => countOf(page)).toBe('9,990 events');
    expect(await rows(page).count()).toBeLessThan(60);

    const list = page.locator('.rows');
    await list.evaluate(element => (element.scrollTop = 4_000));
    const row = page.locator('li[aria-posinset="103"]');
    await row.waitFor();
    const { y } = (await row.boundingBox())!;
    for (let index = 0; index < 5; index++) server.addEvent();

    await expect.poll(() => countOf(page)).toBe('9,995 events');
    const moved = page.locator('li[aria-posinset="108"]');
    await expect.poll(async () => (await moved.boundingBox())?.y).toBe(y);
  });

  it('works with the keyboard', async () => {
    const server = await serve();
    for (let index = 0; index < 5; index++) server.addEvent();
    const page = await open(server, { at: '#live' });
    await rows(page).first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('.detail').waitFor();
    await page.getByRole('button', { name: 'Close' }).press('Enter');

    await expect
      .poll(() =>
        rows(page)
          .nth(1)
          .evaluate(row => row.matches(':focus')),
      )
      .toBe(true);
  });

  it('has the figures of each chart as a table', async () => {
    const page = await open(await serve());
    await page.getByText('Table: events per minute by type').click();

    const table = page.getByRole('region', {
      name: 'Events per minute by type',
    });
    await expect.poll(() => table.getByRole('row').count()).toBe(61);
  });

  it.each(TABS)('needs no horizontal scrolling at 360 px: %s', async at => {
    const server = await serve();
    for (let index = 0; index < 20; index++) server.addLetter();
    server.addInvalid();
    server.setState({ strikes: 3, deadLetters: 12_345, isPaused: true });
    const page = await open(server, { at, width: 360 });
    await page.locator('button.row, canvas').first().waitFor();
    const overflow = () =>
      page.evaluate(
        `['html', 'main', '.detail'].filter(selector => {
          const element = document.querySelector(selector);
          return element && element.scrollWidth > element.clientWidth;
        })`,
      );
    expect(await overflow()).toEqual([]);
    if (at === '#overview') return;

    await rows(page).first().click();
    await page.locator('.detail').waitFor();
    expect(await overflow()).toEqual([]);
  });

  describe.each(['light', 'dark'] as const)('in the %s scheme', colorScheme => {
    it.each([...TABS, '#conversation/conversation-1'])(
      'has no violation that axe-core finds: %s',
      async at => {
        const server = await serve();
        for (let index = 0; index < 30; index++) server.addEvent();
        server.addLetter();
        server.addInvalid();
        server.setState({ strikes: 3, isPaused: true, problem: 'No answer' });
        const page = await open(server, { at, colorScheme });
        await page.locator('button.row, canvas, .turn').first().waitFor();
        expect(await violationsOf(page)).toEqual([]);

        if (await rows(page).count()) {
          await rows(page).first().click();
          await page.getByRole('button', { name: 'Reveal' }).click();
          await page.locator('pre').first().waitFor();
        }
        if (at === '#dead-letters') {
          await page.getByRole('button', { name: 'Replay all…' }).click();
          await page.getByText('fit the filters').waitFor();
        }
        if (at === '#overview') {
          await page.getByText('Table: events per minute by type').click();
          await page.locator('table').waitFor();
        }
        expect(await violationsOf(page)).toEqual([]);
      },
    );
  });
});
