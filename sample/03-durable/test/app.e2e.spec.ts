import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { xeniooEntry, XeniooSender } from 'nestjs-xenioo/testing';
import { expect, it, onTestFinished } from 'vitest';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));

function run(args: string[], environment: Record<string, string>) {
  const sample = spawn(process.execPath, args, {
    cwd: FOLDER,
    env: { ...process.env, PORT: '0', NO_COLOR: '1', ...environment },
  });
  onTestFinished(() => void sample.kill('SIGKILL'));
  const output = { text: '' };
  for (const stream of [sample.stdout, sample.stderr]) {
    stream.setEncoding('utf8').on('data', text => (output.text += text));
  }
  return { sample, output };
}

async function start(environment: Record<string, string>) {
  const server = run(['dist/main.js'], environment);
  await expect.poll(() => server.output.text).toMatch(/inspector\/\n/);
  const url = /curl -i (\S+)/.exec(server.output.text)![1]!;
  const sender = new XeniooSender({ url, secret: 'durable-secret' });
  onTestFinished(() => sender.close());
  const send = (Data: string, ConversationId = 'conversation') =>
    sender.call(xeniooEntry.userMessage({ Data, ConversationId }));
  return { ...server, send };
}

async function runScript(
  environment: Record<string, string>,
  ...args: string[]
): Promise<string> {
  const script = run(args, environment);
  await once(script.sample, 'close');
  return script.output.text;
}

function deadLetters(
  environment: Record<string, string>,
  ...args: string[]
): Promise<string> {
  return runScript(environment, 'dist/dead-letters.js', ...args);
}

async function newInbox(): Promise<{ XENIOO_INBOX: string }> {
  const base = await mkdtemp(join(tmpdir(), 'sample-03-durable-'));
  onTestFinished(() => rm(base, { recursive: true }));
  return { XENIOO_INBOX: join(base, 'inbox') };
}

it('retries only the handler that calls the failing CRM', async () => {
  const inbox = await newInbox();
  const { send, output } = await start(inbox);

  expect((await send('Hello there!')).status).toBe(200);

  await expect.poll(() => output.text).toMatch(/saved {4}\S+: Hello there!/);
  expect(output.text).toMatch(/Crm.saveMessage failed .*attempt 1 of 3/);
  expect(output.text.match(/noted/g)).toHaveLength(1);
});

it('keeps the dead letter of an unsaved message across a SIGKILL until it is replayed', async () => {
  const inbox = await newInbox();
  const down = await start({ ...inbox, CRM: 'down' });
  expect((await down.send('Is anybody there?')).status).toBe(200);
  await expect
    .poll(() => down.output.text)
    .toMatch(/failed {3}\S+: Crm.saveMessage after 3 attempts/);
  down.sample.kill('SIGKILL');
  await once(down.sample, 'close');

  const up = await start({ ...inbox, CRM: 'up' });
  expect(await deadLetters(inbox)).toMatch(
    /event .*\n {2}Crm.saveMessage failed after 3 attempts: the CRM is down/,
  );
  expect(await deadLetters(inbox, 'replay')).toMatch(/Replayed 1\./);

  await expect
    .poll(() => up.output.text)
    .toMatch(/saved {4}\S+: Is anybody there\?/);
  expect(await deadLetters(inbox)).toMatch(/There are no dead letters\./);
});

it('removes the dead letters of one conversation', async () => {
  const inbox = await newInbox();
  const { send, output } = await start({ ...inbox, CRM: 'down' });
  await send('Forget me', 'erased');
  await send('Keep me', 'kept');
  await expect.poll(() => output.text.match(/ {2}failed {3}/g)).toHaveLength(2);

  expect(await deadLetters(inbox, 'erase', 'erased')).toMatch(/Removed 1\./);

  expect((await deadLetters(inbox)).match(/ {2}event /g)).toHaveLength(1);
});

it('replays a dead letter on the page of those who have the token', async () => {
  const inbox = await newInbox();
  const { send, output, sample } = await start({ ...inbox, CRM: 'down' });
  await send('Is anybody there?');
  await expect.poll(() => output.text).toMatch(/failed {3}/);
  sample.kill('SIGKILL');
  await once(sample, 'close');
  const up = await start({ ...inbox, CRM: 'up' });
  const [, token] = /asks for “(Bearer .+)”/.exec(up.output.text)!;
  const [page] = /http:\S+\/xenioo\/inspector\//.exec(up.output.text)!;
  const call = (path: string, authorization: string, init = {}) =>
    fetch(`${page}api/${path}`, { headers: { authorization }, ...init });

  expect(await (await fetch(page)).text()).toContain('<script');
  expect((await call('dead-letters', 'Bearer guess')).status).toBe(401);
  const listed = await call('dead-letters', token!);
  const { letters } = (await listed.json()) as { letters: { id: string }[] };
  await call('dead-letters/replay', token!, {
    method: 'POST',
    headers: { authorization: token!, 'content-type': 'application/json' },
    body: JSON.stringify({ id: letters[0]!.id }),
  });

  await expect
    .poll(() => up.output.text)
    .toMatch(/saved {4}\S+: Is anybody there\?/);
});

it('does not print a token of the environment', async () => {
  const inbox = await newInbox();
  const { output } = await start({ ...inbox, ADMIN_TOKEN: 'my-token' });

  expect(output.text).toContain('asks for “Bearer $ADMIN_TOKEN”');
  expect(output.text).not.toContain('my-token');
});

it('reports an unknown dead letter', async () => {
  const inbox = await newInbox();

  expect(await deadLetters(inbox, 'replay', 'no-such-id')).toContain(
    'there is no dead letter no-such-id',
  );
});

it('drains an inbox that no application uses any more: pending events and dead letters', async () => {
  const inbox = await newInbox();
  const down = await start({ ...inbox, CRM: 'down' });
  await down.send('Failed');
  await expect
    .poll(() => down.output.text)
    .toMatch(/failed {3}\S+: Crm.saveMessage after 3 attempts/);
  down.sample.kill('SIGKILL');
  await once(down.sample, 'close');
  const slow = await start({ ...inbox, CRM: 'up', CRM_TAKES_MS: '60000' });
  await slow.send('Interrupted');
  await expect.poll(() => slow.output.text).toMatch(/noted/);
  slow.sample.kill('SIGKILL');
  await once(slow.sample, 'close');

  const printed = await runScript({ ...inbox, CRM: 'up' }, 'dist/drain.js');

  expect(printed).toMatch(/saved {4}\S+: Failed/);
  expect(printed).toMatch(/saved {4}\S+: Interrupted/);
  expect(printed).toMatch(/The inbox is drained\. Dead letters: 0/);
});
