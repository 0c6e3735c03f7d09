import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { xeniooEntry, XeniooSender } from 'nestjs-xenioo/testing';
import { expect, it, onTestFinished } from 'vitest';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const PM2 = createRequire(import.meta.url).resolve('pm2/bin/pm2');
const run = promisify(execFile);

/** Starts the processes of ecosystem.config.cjs under a separate PM2. */
async function start(environment: Record<string, string>) {
  const home = await mkdtemp(join(tmpdir(), 'pm2-'));
  onTestFinished(() => rm(home, { recursive: true }));
  const env = {
    ...process.env,
    PM2_HOME: home,
    PORT: '0',
    NO_COLOR: '1',
    XENIOO_INBOX: join(home, 'inbox'),
    ...environment,
  };
  const pm2 = (...args: string[]) =>
    run(process.execPath, [PM2, ...args], { cwd: FOLDER, env });
  onTestFinished(async () => void (await pm2('kill')));

  async function printed(): Promise<string> {
    const logs = (await readdir(join(home, 'logs'))).filter(name =>
      name.includes('out'),
    );
    const texts = logs.map(name => readFile(join(home, 'logs', name), 'utf8'));
    return (await Promise.all(texts)).join('');
  }
  const log = () => readFile(join(home, 'pm2.log'), 'utf8');
  await pm2('start', 'ecosystem.config.cjs');
  await expect
    .poll(async () => (await printed()).match(/curl -i/g))
    .toHaveLength(2);
  const [, url] = /curl -i (\S+)/.exec(await printed())!;
  const sender = new XeniooSender({ url: url!, secret: 'durable-secret' });
  onTestFinished(() => sender.close());
  return { pm2, printed, log, sender };
}

it('answers every call and handles each event once during `pm2 reload`', async () => {
  const { pm2, printed, sender } = await start({ CRM: 'up' });
  const stop = new AbortController();
  const messages = Array.from({ length: 2_000 }, () =>
    xeniooEntry.userMessage(),
  );

  const sending = sender.send(messages, {
    intervalMs: 20,
    signal: stop.signal,
  });
  await pm2('reload', 'xenioo');
  stop.abort();
  const { calls, outcomes } = await sending;

  expect(calls).toBeGreaterThan(20);
  expect(outcomes).toEqual({ 200: calls });
  await expect
    .poll(async () => (await printed()).match(/^ {2}saved /gm))
    .toHaveLength(calls);
  expect((await printed()).match(/^Send it messages/gm)).toHaveLength(4);
});

it('finishes a handler during `pm2 reload` that takes longer than the default time-out of PM2', async () => {
  const { pm2, printed, log, sender } = await start({
    CRM: 'up',
    CRM_TAKES_MS: '7000',
  });
  await sender.call({ Type: 1, Data: 'Hello!' });

  await pm2('reload', 'xenioo');

  expect(await printed()).toMatch(/^ {2}saved .*: Hello!$/m);
  expect((await log()).match(/exited with code .*/g)).toEqual([
    'exited with code [0] via signal [SIGINT]',
    'exited with code [0] via signal [SIGINT]',
  ]);
});
