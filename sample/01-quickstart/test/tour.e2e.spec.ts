import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { XeniooSender } from 'nestjs-xenioo/testing';
import { expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

it('makes every call as expected and exits with --once', async () => {
  const sample = spawn(process.execPath, [MAIN, '--once'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  sample.stdout.setEncoding('utf8').on('data', text => (output += text));
  const [exitCode] = (await once(sample, 'close')) as [number];

  expect(output).toContain('conversation user name writes “Hello there!”');
  expect(output.match(/200, as expected/g)).toHaveLength(7);
  expect(output.match(/401, as expected/g)).toHaveLength(1);
  expect(output).not.toContain('NOT as expected');
  expect(exitCode).toBe(0);
});

it('keeps running without --once and prints a working curl command', async () => {
  const sample = spawn(process.execPath, [MAIN], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  sample.stdout.setEncoding('utf8').on('data', text => (output += text));
  await expect.poll(() => output).toContain('UserName');

  const page = /See the events: (\S+)/.exec(output)![1]!;
  expect(await (await fetch(page)).text()).toContain('<script');
  const recorded = await (await fetch(`${page}api/events`)).text();
  expect(recorded).toContain('user-message');

  const shown = (pattern: RegExp) => pattern.exec(output)![1]!;
  const sender = new XeniooSender({
    url: shown(/curl -i (\S+)/),
    secret: shown(/Bearer (.*)"/),
  });
  const { status } = await sender.call(shown(/-d '(.*)'/));
  sender.close();

  expect(status).toBe(200);
  await expect.poll(() => output).toContain('Ada writes “Hello there!”');
  sample.kill('SIGINT');
  await once(sample, 'close');
});
