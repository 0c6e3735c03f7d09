import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { xeniooEntry, XeniooSender } from 'nestjs-xenioo/testing';
import { expect, it, onTestFinished } from 'vitest';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const SAVED = /saved {4}\S{8}/;
const ADMIN = { authorization: 'Bearer admin-token' };

async function start() {
  const args = ['--import', './dist/telemetry.js', 'dist/main.js'];
  const sample = spawn(process.execPath, args, {
    cwd: FOLDER,
    env: { ...process.env, PORT: '0', NO_COLOR: '1' },
  });
  onTestFinished(() => void sample.kill('SIGKILL'));
  const output = { text: '' };
  for (const stream of [sample.stdout, sample.stderr]) {
    stream.setEncoding('utf8').on('data', text => (output.text += text));
  }
  await expect.poll(() => output.text).toMatch(/curl -X POST .*resume/);
  const url = /curl -i (http:\S+)\/xenioo/.exec(output.text)![1]!;
  const sender = new XeniooSender({
    url: `${url}/xenioo/webhook`,
    secret: 'operations-secret',
  });
  onTestFinished(() => sender.close());
  const send = async (Data: string) => {
    const { status } = await sender.call(xeniooEntry.userMessage({ Data }));
    expect(status).toBe(200);
  };
  const post = async (action: string, headers = {}) =>
    (await fetch(`${url}/processing/${action}`, { method: 'POST', headers }))
      .status;
  const health = async (probe: string) => {
    const response = await fetch(`${url}/health/${probe}`);
    const { details } = (await response.json()) as {
      details: { xenioo?: Record<string, unknown> };
    };
    return { code: response.status, ...details.xenioo };
  };
  const metric = async (name: string) => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const line = text
      .split('\n')
      .find(row => row.startsWith(`${name}{`) || row.startsWith(`${name} `));
    return Number(line?.split(' ').at(-1));
  };
  return { output, send, post, health, metric };
}

it('reports a failing handler in the health check, the metrics and the spans', async () => {
  const { output, send, health, metric } = await start();
  expect(await health('live')).toEqual({ code: 200 });
  expect(await health('ready')).toMatchObject({ code: 200, status: 'up' });
  await send('Hello there!');
  await send('please fail');

  await expect
    .poll(() => health('ready'))
    .toMatchObject({
      code: 200,
      status: 'degraded',
      warnings: ['dead letters: 1 (limit: 0)'],
    });
  expect(await metric('xenioo_webhook_calls_total')).toBe(2);
  expect(await metric('xenioo_dead_letters_added_total')).toBe(1);
  expect(await metric('xenioo_inbox_dead_letters')).toBe(1);
  const attempts = () =>
    output.text.match(/name: 'process Crm\.saveMessage'/g) ?? [];
  await expect.poll(attempts).toHaveLength(4);
});

it('holds events back during a pause and saves them afterwards', async () => {
  const { output, send, post, health } = await start();
  expect(await post('pause')).toBe(401);
  expect(await post('pause', ADMIN)).toBe(200);
  await send('Hello there!');

  expect(await health('ready')).toMatchObject({
    code: 200,
    isPaused: true,
    pending: 1,
  });
  expect(output.text).not.toMatch(SAVED);
  expect(await post('resume', ADMIN)).toBe(200);
  await expect.poll(() => output.text).toMatch(SAVED);
});
