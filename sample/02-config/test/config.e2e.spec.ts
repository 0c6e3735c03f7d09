import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { xeniooEntry, XeniooSender } from 'nestjs-xenioo/testing';
import { expect, it, onTestFinished } from 'vitest';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));

function start(environment: Record<string, string>) {
  const { NODE_ENV: _, ...inherited } = process.env;
  const sample = spawn(process.execPath, ['dist/main.js'], {
    cwd: FOLDER,
    env: { ...inherited, PORT: '0', NO_COLOR: '1', ...environment },
  });
  onTestFinished(() => void sample.kill());
  const output = { text: '' };
  for (const stream of [sample.stdout, sample.stderr]) {
    stream.setEncoding('utf8').on('data', text => (output.text += text));
  }
  return { sample, output };
}

it('reads .env.development and distinguishes its two bots', async () => {
  const { output } = start({});
  await expect.poll(() => output.text).toMatch(/Listening on/);
  const origin = /Listening on (\S+)/.exec(output.text)![1]!;
  const url = new URL('xenioo/webhook', origin);

  for (const [secret, status] of [
    ['support-secret', 200],
    ['shop-secret', 200],
    ['nobodys-secret', 401],
  ] as const) {
    const sender = new XeniooSender({ url, secret });
    const answer = await sender.call(
      xeniooEntry.userMessage({ Data: `by ${secret}`, UserName: 'Ada' }),
    );
    sender.close();
    expect(answer.status).toBe(status);
  }

  await expect
    .poll(() => output.text)
    .toMatch(/question about an order, Ada: by shop-secret/);
  expect(output.text).toContain('ticket of Ada: by support-secret');
  expect(output.text).not.toContain('nobodys-secret');
});

it('refuses to start in production without a secret and names the variable', async () => {
  const { sample, output } = start({
    NODE_ENV: 'production',
    SHOP_BOT_SECRET: 'set',
  });
  const [exitCode] = (await once(sample, 'close')) as [number];

  expect(exitCode).toBe(1);
  expect(output.text).toContain(
    'SUPPORT_BOT_SECRET: not set. Set it in the environment or in .env.production.',
  );
});

it('starts in production with the secrets in the environment', async () => {
  const { output } = start({
    NODE_ENV: 'production',
    SUPPORT_BOT_SECRET: 'one',
    SHOP_BOT_SECRET: 'two',
  });

  await expect.poll(() => output.text).toMatch(/Listening on/);
});
