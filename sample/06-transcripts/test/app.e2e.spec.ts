import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  xeniooConversation,
  xeniooEntry,
  XeniooSender,
} from 'nestjs-xenioo/testing';
import { Client } from 'pg';
import { chromium } from 'playwright-core';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { runCli } from '../../../test/support/cli.js';
import { describeEngine } from '../../../test/support/engines/describe-engine.js';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const CHROMIUM = '/usr/bin/chromium';
const SECRET = 'transcripts-secret';
const STAFF = { username: 'staff', password: 'staff-secret' };

/** In CI the test fails where the browser is missing. */
const isWithoutBrowser = !existsSync(CHROMIUM) && !process.env['CI'];

// A busy machine takes its time to start servers and a browser.
vi.setConfig({ testTimeout: 180_000 });

async function start(environment: Record<string, string>) {
  const { DATABASE_URL: _, ...inherited } = process.env;
  const sample = spawn(process.execPath, ['dist/main.js'], {
    cwd: FOLDER,
    env: { ...inherited, PORT: '0', NO_COLOR: '1', ...environment },
  });
  const ended = once(sample, 'close');
  const end = async (signal: NodeJS.Signals) => {
    sample.kill(signal);
    await ended;
  };
  // On SIGTERM it stops its PostgreSQL.
  onTestFinished(() => end('SIGTERM'));
  const output = { text: '' };
  for (const stream of [sample.stdout, sample.stderr]) {
    stream.setEncoding('utf8').on('data', text => (output.text += text));
  }
  await expect.poll(() => output.text).toMatch(/user staff/);
  const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(output.text)!;
  const webhook = `${url}/xenioo/webhook`;
  const send = async (body: unknown, secret = SECRET) => {
    const sender = new XeniooSender({ url: webhook, secret });
    const { status } = await sender.call(body).finally(() => sender.close());
    return status;
  };
  return { url, webhook, send, end, output };
}

/** Makes a folder for the PostgreSQL that the sample starts. */
async function newFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'sample-06-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return { POSTGRES_FOLDER: folder };
}

/** Makes a database on the server of the tests. */
async function newDatabase() {
  const server = new Client(inject('postgresUrl'));
  await server.connect();
  const name = `sample_${randomBytes(6).toString('hex')}`;
  await server.query(`CREATE DATABASE ${name}`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = name;
  const database = new Client(url.href);
  await database.connect();
  onTestFinished(async () => {
    await database.end();
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await server.end();
  });
  return { database, environment: { DATABASE_URL: url.href } };
}

async function openPage(url: string) {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--headless=new',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ httpCredentials: STAFF });
  const errors: string[] = [];
  page.on('pageerror', error => errors.push(error.message));
  page.on('console', line => {
    if (line.type() === 'error') errors.push(line.text());
  });
  await page.goto(url);
  const textOf = (selector: string) => page.locator(selector).allInnerTexts();
  const drawn = (id: string) =>
    page.evaluate<number>(
      `Chart.getChart('${id}').data.datasets
        .flatMap(({ data }) => data).reduce((sum, value) => sum + value, 0)`,
    );
  return { page, errors, textOf, drawn };
}

describeEngine('postgres', 'the transcripts', () => {
  it.skipIf(isWithoutBrowser)(
    'show in a browser what the command line simulates',
    async () => {
      const { url, webhook } = await start(await newFolder());
      const { page, errors, textOf, drawn } = await openPage(url);

      const load = ['--conversations', '20', '--rate', '200'];
      const endpoint = ['--url', webhook, '--secret', SECRET];
      const { exitCode } = await runCli(['simulate', ...endpoint, ...load]);
      expect(exitCode).toBe(0);

      // Each conversation has 13 messages, an unmatched one and a take-over.
      await expect.poll(() => drawn('messages')).toBe(20 * 13);
      expect(await drawn('unmatched')).toBe(20);
      expect(await drawn('takeOvers')).toBe(20);
      expect(await drawn('fallbackRate')).toBe(20);
      expect(await textOf('#conversations button')).toHaveLength(20);
      await page.click('#conversations button >> nth=0');
      await expect
        .poll(() => textOf('#transcript .bot-message'))
        .toContainEqual(expect.stringContaining("I'm your chatbot!"));
      expect(await textOf('#transcript .note')).toContainEqual(
        expect.stringContaining('take-over'),
      );
      expect(errors).toEqual([]);
    },
  );

  it.skipIf(isWithoutBrowser)(
    'are searched, and show what people write as text',
    async () => {
      const { environment } = await newDatabase();
      const { url, send } = await start(environment);
      const UserName = '<img src=x onerror="document.title=1">';
      const Data = 'A refund\0 <script>document.title = 1</script>';
      await send(xeniooConversation({ takeOver: false }));
      await send(xeniooEntry.userMessage({ UserName, Data }));
      const { page, errors, textOf } = await openPage(url);
      await expect.poll(() => textOf('#conversations button')).toHaveLength(2);

      await page.fill('#search', 'refund -order');

      await expect
        .poll(() => textOf('#conversations button'))
        .toEqual([expect.stringContaining(UserName)]);
      await page.click('#conversations button');
      await expect
        .poll(() => textOf('#transcript .user-message'))
        .toEqual([expect.stringContaining(Data.replace('\0', ''))]);
      expect(await page.title()).toBe('Transcripts');
      expect(errors).toEqual([]);
    },
  );

  it('hold each event once when the process is killed', async () => {
    const { database, environment } = await newDatabase();
    const entries = Array.from({ length: 500 }, (_, index) =>
      xeniooEntry.userMessage({ Data: `message ${index}` }),
    );
    const killed = await start(environment);
    expect(await killed.send(entries)).toBe(200);
    const count = async () => {
      const { rows } = await database.query<{ all: number; different: number }>(
        'SELECT count(*)::int AS all, count(DISTINCT text)::int AS different FROM entry',
      );
      return rows[0];
    };
    await expect.poll(async () => (await count())?.all).toBeGreaterThan(0);
    await killed.end('SIGKILL');

    await start(environment);

    await expect.poll(count).toEqual({ all: 500, different: 500 });
  });

  it('accept the calls of a bot that is added to the table', async () => {
    const { database, environment } = await newDatabase();
    const { send } = await start(environment);
    const message = xeniooEntry.userMessage({ BotToken: 'shop-token' });
    await database.query(
      "INSERT INTO bot VALUES ('shop', 'shop-token', 'shop-secret')",
    );

    await expect.poll(() => send(message, 'shop-secret')).toBe(200);

    await expect
      .poll(
        async () => (await database.query('SELECT bot FROM conversation')).rows,
      )
      .toEqual([{ bot: 'shop' }]);
  });

  it('outlive the process in the PostgreSQL that it started', async () => {
    const folder = await newFolder();
    const isRunning = () =>
      existsSync(join(folder.POSTGRES_FOLDER, 'cluster/postmaster.pid'));
    const killed = await start(folder);
    await killed.send(xeniooEntry.userMessage({ UserName: 'Ada' }));
    await killed.end('SIGKILL');
    expect(isRunning()).toBe(true);

    const again = await start(folder);
    const authorization = `Basic ${btoa('staff:staff-secret')}`;
    const names = async () => {
      const response = await fetch(`${again.url}/api/conversations`, {
        headers: { authorization },
      });
      const found = (await response.json()) as { userName: string }[];
      return found.map(({ userName }) => userName);
    };
    await expect.poll(names).toEqual(['Ada']);
    await again.end('SIGTERM');

    expect(isRunning()).toBe(false);
  });

  it('are for staff only', async () => {
    const { environment } = await newDatabase();
    const { url } = await start(environment);

    for (const path of [
      '',
      '/page.js',
      '/api/conversations',
      '/api/statistics',
    ]) {
      expect((await fetch(url + path)).status).toBe(401);
    }
  });
});
