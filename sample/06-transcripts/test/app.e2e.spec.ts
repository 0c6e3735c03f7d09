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
import { chromium, type BrowserContextOptions } from 'playwright-core';
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
  /** Asks for data of the page. */
  const ask = async (path: string) => {
    const headers = { authorization: `Basic ${btoa('staff:staff-secret')}` };
    const response = await fetch(`${url}/api/${path}`, { headers });
    return {
      status: response.status,
      data: await response.json(),
    };
  };
  const userNames = async () => {
    const { data } = await ask('conversations');
    return (data as { userName: string }[]).map(({ userName }) => userName);
  };
  return { url, webhook, send, ask, userNames, end, output };
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
  const countEntries = async () => {
    const { rowCount } = await database.query('SELECT FROM entry');
    return rowCount;
  };
  return { database, countEntries, environment: { DATABASE_URL: url.href } };
}

async function openPage(url: string, options: BrowserContextOptions = {}) {
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
  const page = await browser.newPage({
    httpCredentials: STAFF,
    ...options,
  });
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
      expect(await textOf('#conversations a')).toHaveLength(20);
      await page.click('#conversations a >> nth=0');
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
      await expect.poll(() => textOf('#conversations a')).toHaveLength(2);

      await page.fill('#search', 'refund -order');

      await expect
        .poll(() => textOf('#conversations a'))
        .toEqual([expect.stringContaining(UserName)]);
      await page.click('#conversations a');
      await expect
        .poll(() => textOf('#transcript .user-message'))
        .toEqual([expect.stringContaining(Data.replace('\0', ''))]);
      expect(await page.title()).toBe('Transcripts');
      expect(errors).toEqual([]);
    },
  );

  it.skipIf(isWithoutBrowser)(
    'show the latest entries first, and older ones on request',
    async () => {
      const { countEntries, environment } = await newDatabase();
      const { url, send } = await start(environment);
      const startAt = Date.now() - 86_400_000;
      const entries = Array.from({ length: 250 }, (_, index) =>
        xeniooEntry.userMessage({
          ConversationId: 'long',
          Data: `message ${index}`,
          Date: new Date(startAt + index * 1_000).toISOString(),
        }),
      );
      await send(entries);
      await expect.poll(countEntries).toBe(entries.length);
      const { page, errors, textOf } = await openPage(url);
      await expect.poll(() => textOf('#conversations a')).toHaveLength(1);
      const shown = async () => {
        const texts = await textOf('#transcript .user-message');
        return [
          texts.length,
          texts[0]?.split('\n')[0],
          texts.at(-1)?.split('\n')[0],
        ];
      };

      await page.click('#conversations a');

      await expect.poll(shown).toEqual([100, 'message 150', 'message 249']);
      expect(await page.isVisible('text=message 249')).toBe(true);
      await page.click('#older');
      await expect.poll(shown).toEqual([200, 'message 50', 'message 249']);
      await send(
        xeniooEntry.userMessage({ ConversationId: 'long', Data: 'new' }),
      );
      await expect.poll(shown).toEqual([201, 'message 50', 'new']);
      await page.click('#older');
      await expect.poll(shown).toEqual([251, 'message 0', 'new']);
      expect(await page.isVisible('#older')).toBe(false);
      expect(errors).toEqual([]);
    },
  );

  it.skipIf(isWithoutBrowser)(
    'show unmatched messages, with and without a conversation',
    async () => {
      const { environment } = await newDatabase();
      const { url, send } = await start(environment);
      const ConversationId = 'with';
      await send([
        xeniooEntry.userMessage({ ConversationId, UserName: 'Ada' }),
        xeniooEntry.unmatchedMessage({ Text: 'Where is my parrot?' }),
        xeniooEntry.unmatchedMessage({ Text: 'asdf', ConversationId }),
      ]);
      const { page, errors, textOf } = await openPage(url);
      await expect
        .poll(async () => (await textOf('#unmatched-messages li')).join('|'))
        .toMatch(/parrot.*asdf|asdf.*parrot/s);

      await page.click('#unmatched-messages a');

      await expect
        .poll(() => textOf('#transcript .unmatched-message'))
        .toEqual([expect.stringMatching(/^asdf\s+unmatched · /)]);
      await page.fill('#search', 'parrot');
      await expect.poll(() => textOf('#unmatched-messages li')).toHaveLength(1);
      expect(await textOf('#conversations')).toEqual(['No conversation.']);
      expect(errors).toEqual([]);
    },
  );

  it.skipIf(isWithoutBrowser)(
    'are searched once for words that are typed quickly',
    async () => {
      const { environment } = await newDatabase();
      const { url } = await start(environment);
      const { page, drawn } = await openPage(url);
      await expect.poll(() => drawn('messages')).toBe(0);
      const asked: string[] = [];
      page.on('request', request =>
        asked.push(request.url().slice(`${url}/api/`.length)),
      );

      await page.locator('#search').pressSequentially('refund of the shoes');

      const words = encodeURIComponent('refund of the shoes');
      await expect.poll(() => asked).toContain(`conversations?search=${words}`);
      // A refresh may fall in between.
      const searches = asked.filter(path => path.startsWith('conversations'));
      expect(searches.length).toBeLessThan(4);
      expect(asked.filter(path => path === 'statistics').length).toBeLessThan(
        2,
      );
    },
  );

  it.skipIf(isWithoutBrowser)(
    'replace the list on a phone, with a way back',
    async () => {
      const { environment } = await newDatabase();
      const { url, send } = await start(environment);
      await send(xeniooConversation());
      const viewport = { width: 390, height: 844 };
      const { page, errors } = await openPage(url, { viewport });
      expect(await page.isVisible('#transcript')).toBe(false);

      await page.click('#conversations a');

      await expect.poll(() => page.isVisible('.bot-message')).toBe(true);
      expect(await page.isVisible('#conversations')).toBe(false);
      const { y, height } = (await page.locator('#transcript').boundingBox())!;
      expect(y + height).toBeLessThan(viewport.height);
      await page.click('#back');
      await expect.poll(() => page.isVisible('#conversations')).toBe(true);
      await page.goBack();
      await expect.poll(() => page.isVisible('#transcript')).toBe(true);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(
        viewport.width,
      );
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
    await expect.poll(again.userNames).toEqual(['Ada']);
    await again.end('SIGTERM');

    expect(isRunning()).toBe(false);
  });

  it('stay readable for a process while another one on the same folder ends', async () => {
    const folder = await newFolder();
    const first = await start(folder);
    const second = await start(folder);
    await first.send(xeniooEntry.userMessage({ UserName: 'Ada' }));

    await first.end('SIGTERM');

    expect(
      await second.send(xeniooEntry.userMessage({ UserName: 'Bob' })),
    ).toBe(200);
    await expect
      .poll(async () => (await second.userNames()).toSorted())
      .toEqual(['Ada', 'Bob']);
    await second.end('SIGTERM');
    expect(
      existsSync(join(folder.POSTGRES_FOLDER, 'cluster/postmaster.pid')),
    ).toBe(false);
    expect(first.output.text + second.output.text).not.toMatch(/WARN|ERROR/);
  });

  it('keep no call waiting while the queries of the page are slow', async () => {
    const { database, countEntries, environment } = await newDatabase();
    const { send, ask, output } = await start(environment);
    await database.query('BEGIN; LOCK TABLE entry, conversation');

    const slow = Array.from({ length: 25 }, async (_, index) => {
      const { status } = await ask(
        index % 2 ? 'statistics' : 'conversations?search=confidential',
      );
      return status;
    });
    for (const Data of ['one', 'two', 'three']) {
      expect(await send(xeniooEntry.userMessage({ Data }))).toBe(200);
    }

    expect(new Set(await Promise.all(slow))).toEqual(new Set([500]));
    expect(output.text).toContain('statement timeout');
    expect(output.text).not.toContain('confidential');
    await database.query('ROLLBACK');
    await expect.poll(countEntries).toBe(3);
  });

  it('are not found by odd searches and ids, which are not logged', async () => {
    const { environment } = await newDatabase();
    const { ask, send, userNames, output } = await start(environment);
    await send(xeniooEntry.userMessage({ UserName: 'Ada', Data: 'Hello' }));
    await expect.poll(userNames).toEqual(['Ada']);
    const words = [
      'confidential%00',
      `confidential${'x'.repeat(9_000)}`,
      'confidential"',
      'confidential%27%3A*%26!(',
      '%ED%A0%80confidential',
      '%FFconfidential',
      'confidential%20or%20'.repeat(50),
    ];
    const statuses = (paths: string[]) =>
      Promise.all(paths.map(async path => (await ask(path)).status));
    for (const list of ['conversations', 'unmatched']) {
      const found = words.map(word => ask(`${list}?search=${word}`));
      expect(await Promise.all(found)).toEqual(
        words.map(() => ({ status: 200, data: [] })),
      );
    }
    expect(
      await statuses([
        'conversations/0',
        'conversations/-1',
        'conversations/99999999999999999999',
        'conversations/9007199254740991',
      ]),
    ).toEqual([404, 404, 404, 404]);
    expect(
      await statuses([
        'conversations?search=confidential&search=b',
        'conversations/confidential',
        'conversations/1e3',
        'conversations/%00',
        'conversations/1?before=confidential',
      ]),
    ).toEqual([400, 400, 400, 400, 400]);
    expect((await ask('conversations/1?before=7')).status).toBe(200);
    expect(output.text).not.toMatch(/confidential|ERROR|WARN/);
  });

  it('contain entries of every date and with ids and channels of every length', async () => {
    const { countEntries, environment } = await newDatabase();
    const { ask, send } = await start(environment);
    const long = randomBytes(10_000).toString('hex');
    const dates = [
      '0000-01-01T00:00:00+23:59',
      '0000-01-01T00:00:00Z',
      '0001-01-01T00:00:00Z',
      '1969-12-31T23:59:59.999Z',
      '9999-12-31T23:59:59.999-23:59',
    ];
    const entries = dates.map(date =>
      xeniooEntry.userMessage({
        Date: date,
        ConversationId: long,
        Channel: long,
      }),
    );

    expect(await send(entries)).toBe(200);

    await expect.poll(countEntries).toBe(dates.length);
    const { data } = await ask('conversations/1');
    const stored = (data as { entries: { at: string }[] }).entries;
    expect(stored.map(({ at }) => new Date(at).getTime())).toEqual([
      new Date('-000001-12-31T00:01:00Z').getTime(),
      new Date('0000-01-01T00:00:00Z').getTime(),
      new Date('0001-01-01T00:00:00Z').getTime(),
      -1,
      new Date('+010000-01-01T23:58:59.999Z').getTime(),
    ]);
  });

  it('are filled by the command that is printed, without secrets of the environment', async () => {
    const { environment } = await newDatabase();
    const own = { XENIOO_SECRET: 'own-secret', STAFF_PASSWORD: 'own-password' };
    const { output, end } = await start({ ...environment, ...own });
    expect(output.text).toContain('--secret "$XENIOO_SECRET"');
    expect(output.text).toContain('password $STAFF_PASSWORD');
    expect(output.text).not.toMatch(/own-secret|own-password/);
    await end('SIGTERM');

    const { environment: other } = await newDatabase();
    const byDefault = await start(other);
    expect(byDefault.output.text).toContain(`--secret ${SECRET}`);
    await byDefault.end('SIGTERM');

    // The bot of the first start stays.
    const later = await start({ ...other, ...own });
    expect(later.output.text).toContain(`--secret ${SECRET}`);
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
