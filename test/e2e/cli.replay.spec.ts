import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import type { CallRunReport } from '../../lib/cli/call-run.js';
import { XeniooModule, type XeniooEvent } from '../../lib/index.js';
import {
  received,
  xeniooConversation,
  xeniooEntry,
  xeniooGroup,
} from '../../lib/testing/index.js';
import { SECRET } from '../support/cli-webhook.js';
import { freePort } from '../support/engines/free-port.js';
import { startHost } from '../support/host-app.js';
import { serve } from '../support/serve.js';
import {
  makeFolder,
  runTool,
  startRecorder,
  startTool,
} from '../support/tool.js';

async function writeRecording(...lines: readonly unknown[]): Promise<string> {
  const path = join(await makeFolder(), 'calls.ndjson');
  const text = lines.map(line =>
    typeof line === 'string' ? line : JSON.stringify(line),
  );
  await writeFile(path, `${text.join('\n')}\n`);
  return path;
}

/** Starts an application with the secret and records the events that it gets. */
async function startApp() {
  const { app, url } = await startHost('express', {
    imports: [XeniooModule.forRoot({ secret: SECRET })],
  });
  received(app);
  return {
    url: url('/xenioo/webhook'),
    raw: () => received(app).map(({ raw }) => raw),
    received: () => received(app),
  };
}

interface Heard {
  readonly body: string;
  readonly contentType: string | undefined;
}

/** Starts a webhook that records its calls and answers with these statuses in turn, repeating the last one. */
async function startListener(...statuses: readonly number[]) {
  const heard: Heard[] = [];
  const { url } = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      heard.push({
        body: Buffer.concat(chunks).toString(),
        contentType: request.headers['content-type'],
      });
      const index = Math.min(heard.length, statuses.length) - 1;
      response.writeHead(statuses[index] ?? 200).end();
    });
  });
  return { url, heard };
}

const CALLS = [{ body: '{"Type":8}' }, { body: '[{"Type":1},{"Type":0}]' }];

describe('replay', () => {
  it('sends the recorded calls in order, with the same groups', async () => {
    const out = join(await makeFolder(), 'calls.ndjson');
    const recorder = await startRecorder('--out', out, '--unmasked');
    const conversation = xeniooConversation({ seed: 1 });
    const group = xeniooGroup(40, { seed: 2 });
    const broken = xeniooEntry.malformed('not-json') as string;
    await recorder.sender.send(conversation);
    await recorder.sender.send(group, { grouped: 15 });
    await recorder.sender.call(broken);
    await recorder.stop();
    const app = await startApp();

    const { exitCode, stdout } = await runTool([
      'replay',
      out,
      '--url',
      app.url,
      '--rate',
      'max',
      '--json',
    ]);

    expect(exitCode).toBe(0);
    expect(app.raw()).toEqual([...conversation, ...group, broken]);
    const calls = conversation.length + 4;
    expect(JSON.parse(stdout)).toMatchObject({
      file: out,
      url: app.url,
      calls,
      events: conversation.length + 41,
      outcomes: { 200: calls },
      endedBy: 'all sent',
      incompleteLines: 0,
      isSuccessful: true,
    });
  });

  it('sends the same bytes and content type', async () => {
    const { url, heard } = await startListener();
    const odd = `{"a":1e999,"a":1.0,"b":${'['.repeat(5_000)}${']'.repeat(5_000)}}`;
    const path = await writeRecording(
      { contentType: 'text/odd', body: odd },
      { contentType: null, body: 'Ciao,\n città' },
      { body: '[1.0, 2]' },
      '',
    );

    const { exitCode } = await runTool(['replay', path, '--url', url]);

    expect(exitCode).toBe(0);
    expect(heard).toMatchObject([
      { body: odd, contentType: 'text/odd' },
      { body: 'Ciao,\n città', contentType: undefined },
      { body: '[1.0, 2]', contentType: 'application/json' },
    ]);
  });

  it('sends duplicates, or new events with --fresh-dates', async () => {
    const app = await startApp();
    // Events without a date are new each time.
    const sent = xeniooConversation({ seed: 1 }).filter(({ Date }) => Date);
    const path = await writeRecording(
      ...sent.map(entry => ({ body: JSON.stringify(entry) })),
    );
    const replayed = async (...args: string[]) => {
      const before = app.received().length;
      await runTool([
        'replay',
        path,
        '--url',
        app.url,
        '--rate',
        'max',
        ...args,
      ]);
      return app.received().slice(before) as XeniooEvent[];
    };
    const startedAt = new Date();

    const first = await replayed();
    const again = await replayed();
    const fresh = await replayed('--fresh-dates');

    const ids = (events: XeniooEvent[]) => events.map(({ id }) => id);
    expect(first).toHaveLength(sent.length);
    expect(ids(again)).toEqual(ids(first));
    expect(ids(first)).not.toEqual(expect.arrayContaining(ids(fresh)));
    expect(fresh).toHaveLength(sent.length);
    expect(fresh[0]!.date!.getTime()).toBeGreaterThanOrEqual(+startedAt);
    const distances = (events: XeniooEvent[]) =>
      events.map(({ date }) => +date! - +events[0]!.date!);
    expect(distances(fresh)).toEqual(distances(first));
  });

  it('keeps the recorded pace, or a multiple of it, with --speed', async () => {
    const { url, heard } = await startListener();
    const path = await writeRecording(
      { receivedAt: '2024-05-01T12:00:00.000Z', body: '{}' },
      { receivedAt: '2024-05-01T12:01:00.000Z', body: '{}' },
    );

    const args = ['replay', path, '--url', url, '--speed', '200', '--json'];
    const { stdout } = await runTool(args);

    expect(heard).toHaveLength(2);
    const { durationMs } = JSON.parse(stdout) as CallRunReport;
    expect(durationMs).toBeGreaterThan(290);
    expect(durationMs).toBeLessThan(30_000);
  });

  it('exits with 1 if a call fails', async () => {
    const { url } = await startListener(201, 200);
    const path = await writeRecording(...CALLS);

    const { exitCode, stdout } = await runTool(['replay', path, '--url', url]);

    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/201 Created +1\n/);
    expect(stdout).toMatch(/200 OK +1\n/);
  });

  it('stops after as many failures as Xenioo accepts', async () => {
    const { url, heard } = await startListener(500);
    const calls = Array.from({ length: 30 }, () => ({ body: '{}' }));
    const path = await writeRecording(...calls);

    const { exitCode, stdout } = await runTool([
      'replay',
      path,
      '--url',
      url,
      '--rate',
      'max',
    ]);

    expect(exitCode).toBe(1);
    expect(heard).toHaveLength(11);
    expect(stdout).toContain('Stopped: 11 calls failed in total');
  });

  it('continues with --failures ignore', async () => {
    const { url, heard } = await startListener(500);
    const calls = Array.from({ length: 30 }, () => ({ body: '{}' }));
    const path = await writeRecording(...calls);

    const args = ['replay', path, '--url', url, '--rate', 'max'];

    const { exitCode } = await runTool(
      args.concat('--failures', 'ignore', '--concurrency', '4'),
    );

    expect(exitCode).toBe(1);
    expect(heard).toHaveLength(30);
  });

  it('prints the report on Ctrl-C', async () => {
    const { url, heard } = await startListener();
    const path = await writeRecording(...CALLS, ...CALLS);
    const tool = startTool(['replay', path, '--url', url, '--rate', '0.01']);
    await expect.poll(() => heard).toHaveLength(1);

    tool.kill('SIGINT');

    expect(await tool.ended()).toBe(1);
    expect(tool.stdout()).toMatch(/calls +1\n/);
    expect(tool.stdout()).toContain('Interrupted.');
  });
});

describe('replay of a damaged file', () => {
  it('skips lines that are cut off, with a warning', async () => {
    const { url, heard } = await startListener();
    const path = await writeRecording(
      CALLS[0],
      '{"body":"{\\"Data\\":\\"Lovelace',
      CALLS[1],
      '{"recei',
    );

    const { exitCode, stderr } = await runTool(['replay', path, '--url', url]);

    expect(exitCode).toBe(0);
    expect(stderr).toContain('warning: skipped line 2: it is incomplete\n');
    expect(stderr).toContain('warning: skipped line 4: it is incomplete\n');
    expect(stderr).not.toContain('Lovelace');
    expect(heard.map(({ body }) => body)).toEqual(
      CALLS.map(({ body }) => body),
    );
  });

  it('stops at a line that is not a call and exits with 2', async () => {
    const { url, heard } = await startListener();
    const entry = { Type: 1, Data: 'Lovelace' };
    const path = await writeRecording(CALLS[0], entry, CALLS[1]);

    const { exitCode, stdout, stderr } = await runTool([
      'replay',
      path,
      '--url',
      url,
    ]);

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('line 2: expected a recorded call');
    expect(stderr).not.toContain('Lovelace');
    expect(heard.map(({ body }) => body)).toEqual([CALLS[0]!.body]);
  });

  it('names a line without the time that --speed needs', async () => {
    const { url } = await startListener();
    const path = await writeRecording(...CALLS);

    const { exitCode, stderr } = await runTool([
      'replay',
      path,
      '--url',
      url,
      '--speed',
      '1',
    ]);

    expect(exitCode).toBe(2);
    expect(stderr).toContain(
      'line 1: expected a recorded call with `receivedAt`',
    );
  });

  it.each([
    [
      'no-such-file.ndjson',
      'Cannot read no-such-file.ndjson: no such file or directory',
    ],
    ['/', 'Cannot read /: illegal operation on a directory'],
  ])('explains why %s is unreadable', async (path, message) => {
    const { url } = await startListener();

    const { exitCode, stderr } = await runTool(['replay', path, '--url', url]);

    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });

  it('rejects a file without a call', async () => {
    const path = await writeRecording('');
    const url = `http://127.0.0.1:${await freePort()}`;

    const { exitCode, stderr } = await runTool(['replay', path, '--url', url]);

    expect(exitCode).toBe(2);
    expect(stderr).toContain('contains no recorded calls');
  });

  it('rejects --speed with --rate', async () => {
    const path = await writeRecording(...CALLS);

    const { exitCode, stderr } = await runTool([
      'replay',
      path,
      '--speed',
      '2',
      '--rate',
      '2',
    ]);

    expect(exitCode).toBe(2);
    expect(stderr).toContain("'--speed <factor>' cannot be used with");
  });
});

describe('replay of a pipe', () => {
  it('sends the calls while `record` writes them', async () => {
    const app = await startApp();
    const recorder = await startRecorder('--unmasked');
    const tool = startTool(['replay', '-', '--url', app.url]);
    const piped = pipeline(recorder.output, tool.input);
    const sent = xeniooConversation({ seed: 1 });

    await recorder.sender.send(sent);
    await expect.poll(() => app.raw()).toHaveLength(sent.length);

    expect(app.raw()).toEqual(sent);
    expect(await recorder.stop()).toBe(0);
    await piped;
    expect(await tool.ended()).toBe(0);
  });

  it('stops with the sender while the pipe is open', async () => {
    const { url } = await startListener(500);
    const tool = startTool(['replay', '-', '--url', url, '--rate', 'max']);

    tool.input.write('{"body":"{}"}\n'.repeat(11));

    expect(await tool.ended()).toBe(1);
    expect(tool.stdout()).toContain('Stopped: 11 calls failed');
  });

  it('stops on Ctrl-C while it waits for more calls', async () => {
    const { url, heard } = await startListener();
    const tool = startTool(['replay', '-', '--url', url]);
    tool.input.write('{"body":"{}"}\n');
    await expect.poll(() => heard).toHaveLength(1);

    tool.kill('SIGINT');

    expect(await tool.ended()).toBe(1);
    expect(tool.stdout()).toContain('Interrupted.');
  });
});
