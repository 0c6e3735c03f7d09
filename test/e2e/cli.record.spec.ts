import { closeSync, openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createXeniooEntry,
  xeniooConversation,
  xeniooEntry,
  xeniooGroup,
  type XeniooWireEntry,
} from '../../lib/testing/index.js';
import { SECRET } from '../support/cli-webhook.js';
import { callRaw } from '../support/raw-caller.js';
import {
  hasSmallDisks,
  makeSmallDisk,
  NO_SMALL_DISKS,
} from '../support/small-disk.js';
import {
  linesOf,
  makeFolder,
  readRecording,
  runTool,
  startRecorder,
  startRecorderTo,
} from '../support/tool.js';

const recordingPath = async () => join(await makeFolder(), 'calls.ndjson');

const AUTHORIZATION = { authorization: `Bearer ${SECRET}` };

describe('record', () => {
  it('answers each call 200 with an empty body and saves it', async () => {
    const out = await recordingPath();
    const { sender, stop } = await startRecorder('--out', out, '--unmasked');
    const bodies = [
      ...xeniooConversation({ seed: 1 }),
      xeniooGroup(30, { seed: 2 }),
      [],
      'a text',
      xeniooEntry.malformed('invalid-fields'),
    ];

    for (const body of bodies) {
      const answer = await sender.call(JSON.stringify(body));
      expect(answer).toMatchObject({ status: 200, body: '' });
    }

    expect(await stop()).toBe(0);
    const lines = await readRecording(out);
    expect(lines.map(({ body }) => JSON.parse(body))).toEqual(bodies);
    expect(lines[0]).toMatchObject({ contentType: 'application/json' });
  });

  it('saves a body that is not JSON and a call without a content type', async () => {
    const out = await recordingPath();
    const { sender, stop } = await startRecorder('--out', out, '--unmasked');

    for (const body of ['{"Type":1,"Da', '', 'Ciao, città!\n']) {
      const headers = { 'content-type': null };
      expect(await sender.call(body, { headers })).toMatchObject({
        status: 200,
      });
    }

    await stop();
    expect(await readRecording(out)).toMatchObject([
      { body: '{"Type":1,"Da', contentType: null },
      { body: '' },
      { body: 'Ciao, città!\n' },
    ]);
  });

  it('masks the texts of people by default', async () => {
    const out = await recordingPath();
    const { sender, stop } = await startRecorder('--out', out);
    const entry = createXeniooEntry({ seed: 3 });
    const words = { Data: 'Please call Lovelace', UserName: 'Ada Byron' };
    const sent = [
      entry.userMessage({ ...words, city: 'Rome', ConversationId: 'byron-1' }),
      entry.botMessage({ ...words, ConversationId: 'byron-1' }),
      entry.takeOver({ ConversationId: 'hopper-2' }),
    ];

    await sender.send(sent);
    await sender.call('{"Data":"Lovelace');

    await stop();
    expect(await readFile(out, 'utf8')).not.toMatch(
      /call|Lovelace|Ada|Byron|Rome|byron|hopper/,
    );
    const lines = await readRecording(out);
    const kept = lines
      .slice(0, 3)
      .map(({ body }) => JSON.parse(body) as XeniooWireEntry);
    expect(kept[0]).toMatchObject({
      Type: 1,
      Data: 'Xxxxxx xxxx Xxxxxxxx',
      UserName: 'Xxx Xxxxx',
      city: 'Xxxx',
      Date: sent[0]!.Date,
      Channel: sent[0]!.Channel,
    });
    expect(kept[1]!.ConversationId).toBe(kept[0]!.ConversationId);
    expect(kept[2]!.ConversationId).not.toBe(kept[0]!.ConversationId);
    expect(lines[3]).toMatchObject({ body: '{"Xxxx":"Xxxxxxxx' });
  });

  it('answers 401 without the right secret and saves no call', async () => {
    const out = await recordingPath();
    const { sender, stop, stderr } = await startRecorder('--out', out);
    const message = xeniooEntry.userMessage({ Data: 'Lovelace' });

    for (const authorization of ['Bearer wr0ng', 'Basic QQ==', null]) {
      const { status } = await sender.call(message, { authorization });
      expect(status).toBe(401);
    }
    await sender.call(message);

    expect(await stop()).toBe(0);
    expect(await readRecording(out)).toHaveLength(1);
    expect(stderr().match(/  401  wrong secret/g)).toHaveLength(3);
    expect(stderr()).not.toMatch(/wr0ng|Lovelace/);
  });

  it('answers 413 to more than 10 MB and continues', async () => {
    const out = await recordingPath();
    const args = ['--out', out, '--unmasked'];
    const { url, sender, stop } = await startRecorder(...args);
    const bytes = (mb: number) => `"${'x'.repeat(mb * 1_048_576 - 2)}"`;

    const { socket, answered } = await callRaw(url, {
      secret: SECRET,
      path: new URL(url).pathname,
      body: `Content-Length: ${10 * 1_048_576 + 1}`,
    });
    await expect.poll(() => answered()).toContain('\r\n');
    socket.destroy();
    const answer = await sender.call(bytes(10));

    expect(answered()).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer.status).toBe(200);
    await stop();
    expect(await readRecording(out)).toHaveLength(1);
  });

  it('answers only on --path', async () => {
    const out = await recordingPath();
    const args = ['--out', out, '--path', '/xenioo/webhook'];
    const { url, stop } = await startRecorder(...args);
    const status = async (path: string, method: 'POST' | 'PUT' = 'POST') => {
      const call = { method, headers: AUTHORIZATION, body: '{}' };
      return (await fetch(new URL(path, url), call)).status;
    };

    expect(url).toMatch(/\/xenioo\/webhook$/);
    expect(await status('/xenioo/webhook/?a=1')).toBe(200);
    expect(await status('/xenioo')).toBe(404);
    expect(await status('/xenioo/webhook', 'PUT')).toBe(405);
    await stop();
    expect(await readRecording(out)).toHaveLength(1);
  });

  it('prints a summary on Ctrl-C', async () => {
    const out = await recordingPath();
    const args = ['--out', out, '--json'];
    const { sender, stop, stdout, stderr } = await startRecorder(...args);
    await sender.send(xeniooGroup(20), { grouped: 5 });
    await sender.call('no JSON');

    expect(await stop()).toBe(0);
    expect(stderr()).toContain(`Recorded 5 calls with 21 events in ${out}.`);
    expect(JSON.parse(stdout())).toEqual({
      file: out,
      isMasked: true,
      calls: 5,
      events: 21,
      outcomes: { 200: 5 },
    });
  });

  it('completes running calls on Ctrl-C and accepts no more', async () => {
    const out = await recordingPath();
    const { url, stop, stderr } = await startRecorder('--out', out);
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const outgoing = request(url, {
      agent,
      method: 'POST',
      headers: { ...AUTHORIZATION, 'content-length': 2 },
    });
    outgoing.write('{');
    const [socket] = (await once(outgoing, 'socket')) as [Socket];
    if (socket.connecting) await once(socket, 'connect');
    // Once a later call is answered, the start of the other one has arrived.
    await fetch(url, { method: 'POST', headers: AUTHORIZATION, body: '{}' });

    const ended = stop();
    await expect
      .poll(() =>
        fetch(url).then(
          () => 'accepted',
          () => 'refused',
        ),
      )
      .toBe('refused');
    outgoing.end('}');
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.resume();

    expect(response.statusCode).toBe(200);
    // The caller would keep its connection open, and the recorder running.
    expect(response.headers.connection).toBe('close');
    expect(await ended).toBe(0);
    expect(await readRecording(out)).toHaveLength(2);
    expect(stderr()).toContain('2 calls');
  });

  it('writes to stdout without a file', async () => {
    const { sender, stop, stdout } = await startRecorder();

    await sender.send(xeniooGroup(3));
    await stop();

    expect(linesOf(stdout())).toHaveLength(3);
  });

  it('answers 503 and stops when stdout is closed', async () => {
    const { sender, output, ended } = await startRecorder();
    output.destroy();

    const { outcome } = await sender.call(xeniooEntry.userMessage());

    expect(outcome).toBe(503);
    expect(await ended()).toBe(1);
  });

  it('continues a recording whose last line is incomplete', async () => {
    const out = await recordingPath();
    await writeFile(out, '{"body":"{}"}\n{"receivedAt":"20');
    const { sender, stop } = await startRecorder('--out', out);

    await sender.call({ Type: 9 });
    await stop();

    const lines = (await readFile(out, 'utf8')).split('\n');
    expect(lines.slice(0, 2)).toEqual(['{"body":"{}"}', '{"receivedAt":"20']);
    expect(JSON.parse(lines[2]!)).toMatchObject({ body: '{"Type":9}' });
  });

  it('keeps every call that it answered 200 when it is killed', async () => {
    const out = await recordingPath();
    const { sender, kill, ended } = await startRecorder(
      '--out',
      out,
      '--unmasked',
    );
    const answered: number[] = [];
    const callers = Array.from({ length: 8 }, async (_, caller) => {
      for (let number = caller; ; number += 8) {
        const { status } = await sender.call({ Type: 1, number });
        if (status !== 200) return;
        answered.push(number);
        if (answered.length === 300) kill('SIGKILL');
      }
    });

    await Promise.all(callers);

    expect(await ended()).toBe('SIGKILL');
    const whole = (await readFile(out, 'utf8')).replace(/[^\n]*$/, '');
    const kept = linesOf(whole).map(
      ({ body }) => (JSON.parse(body) as { number: number }).number,
    );
    expect(answered.filter(number => !kept.includes(number))).toEqual([]);
    expect(new Set(kept).size).toBe(kept.length);
    expect(answered.length).toBeGreaterThanOrEqual(300);
  });

  it.skipIf(!hasSmallDisks)(
    `answers 503 while the disk is full and recovers when there is space${NO_SMALL_DISKS}`,
    async () => {
      const disk = makeSmallDisk();
      const out = join(disk.path, 'calls.ndjson');
      const { sender, stop, stderr } = await startRecorder('--out', out);
      const message = xeniooEntry.userMessage({ Data: 'x'.repeat(100_000) });
      disk.fill();

      const full = await sender.call(message);
      disk.free();
      const free = await sender.call(message);

      expect([full.status, free.status]).toEqual([503, 200]);
      expect(await stop()).toBe(1);
      const saved = (await readFile(out, 'utf8')).split('\n').at(-2);
      expect(JSON.parse(saved!)).toHaveProperty('body');
      expect(stderr()).toContain('503  not saved: no space left on device');
    },
  );

  it.skipIf(!hasSmallDisks)(
    `answers 503 while stdout is a file on a full disk and recovers when there is space${NO_SMALL_DISKS}`,
    async () => {
      const disk = makeSmallDisk();
      const out = join(disk.path, 'calls.ndjson');
      const file = openSync(out, 'w');
      onTestFinished(() => closeSync(file));
      const { sender, stop, stderr } = await startRecorderTo(file);
      const call = (length: number) =>
        sender.call(xeniooEntry.userMessage({ Data: 'x'.repeat(length) }));
      const small = await call(10);
      disk.fill();

      const full = await call(100_000);

      disk.free();
      const last = await call(10);

      expect([small.status, full.status, last.status]).toEqual([200, 503, 200]);
      expect(await stop()).toBe(1);
      expect(stderr()).toContain('no space left on device');
      const lines = (await readFile(out, 'utf8')).split('\n');
      for (const line of [lines[0]!, lines.at(-2)!]) {
        expect(JSON.parse(line)).toHaveProperty('body');
      }
    },
  );
});

describe('record, with invalid arguments', () => {
  const record = (...args: string[]) => runTool(['record', ...args]);

  it('reports a port that is in use', async () => {
    const server = createServer();
    onTestFinished(() => void server.close());
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;

    const { exitCode, stderr } = await record('--port', String(port));

    expect(exitCode).toBe(2);
    expect(stderr).toContain(
      `Cannot listen on 127.0.0.1:${port}: address already in use. Fix: choose another --port`,
    );
  });

  it.each([
    [
      ['--port', '0', '--out', '/nowhere/at/all'],
      'Cannot write /nowhere/at/all: no such file or directory',
    ],
    [
      ['--port', '0', '--host', '192.0.2.1'],
      'Cannot listen on 192.0.2.1:0: address not available',
    ],
    [['--port', '0', '--path', 'xenioo'], '--path: expected a path'],
    [['--port', '0', '--json'], '--json requires --out'],
    [['--port', '70000'], 'from 0 to 65535'],
    [[], "required option '--port <port>'"],
  ])('explains the error of %j', async (args, message) => {
    const { exitCode, stdout, stderr } = await record(...args);

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('does not overwrite a file that is not a recording', async () => {
    const out = await recordingPath();
    await writeFile(out, 'Dear Ada');

    const { exitCode, stderr } = await record('--port', '0', '--out', out);

    expect(exitCode).toBe(2);
    expect(stderr).toContain('is not a recording');
    expect(await readFile(out, 'utf8')).toBe('Dear Ada');
  });

  it('requires a secret', async () => {
    const { exitCode, stderr } = await runTool(['record', '--port', '0'], {
      env: { XENIOO_SECRET: '' },
    });

    expect(exitCode).toBe(2);
    expect(stderr).toContain('No secret');
  });
});
