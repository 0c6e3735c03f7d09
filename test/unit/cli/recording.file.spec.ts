import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { formatLine } from '../../../lib/cli/recorded-call.js';
import { RecordingFile } from '../../../lib/cli/recording.file.js';
import {
  hasSmallDisks,
  makeSmallDisk,
  NO_SMALL_DISKS,
} from '../../support/small-disk.js';
import { recordTerminal } from '../../support/terminal-recorder.js';
import { makeFolder } from '../../support/tool.js';

const pathIn = async () => join(await makeFolder(), 'calls.ndjson');

async function openFile(path: string): Promise<RecordingFile> {
  const file = await RecordingFile.open(path);
  onTestFinished(() => file.close());
  return file;
}

const read = (path: string) => readFile(path, 'utf8');

const CALL = { receivedAt: '2024-05-01T12:00:00.000Z', body: '{"Type":1}' };
const LINE = formatLine(CALL);

describe('RecordingFile', () => {
  it('writes concurrent calls in order', async () => {
    const path = await pathIn();
    const file = await openFile(path);
    const calls = Array.from({ length: 200 }, (_, n) => ({ body: String(n) }));

    await Promise.all(calls.map(call => file.append(call)));

    expect(await read(path)).toBe(calls.map(formatLine).join(''));
  });

  it('resolves append() when the call is written', async () => {
    const path = await pathIn();
    const file = await openFile(path);

    await file.append(CALL);
    expect(await read(path)).toBe(LINE);
    await file.append(CALL);
    expect(await read(path)).toBe(LINE + LINE);
  });

  it('writes to stdout', async () => {
    const terminal = recordTerminal();

    await RecordingFile.toStdout(terminal).append(CALL);

    expect(terminal.stdout()).toBe(LINE);
  });

  it.skipIf(process.platform === 'win32')(
    'creates a file that only its owner can read',
    async () => {
      const path = await pathIn();
      await openFile(path);

      expect((await stat(path)).mode & 0o777).toBe(0o600);
    },
  );

  it('continues a recording', async () => {
    const path = await pathIn();
    await writeFile(path, LINE + LINE);

    await (await openFile(path)).append(CALL);

    expect(await read(path)).toBe(LINE + LINE + LINE);
  });

  it('starts a new line after a truncated one', async () => {
    const path = await pathIn();
    await writeFile(path, `${LINE}{"receivedAt":"2024`);

    await (await openFile(path)).append(CALL);

    expect(await read(path)).toBe(`${LINE}{"receivedAt":"2024\n${LINE}`);
  });

  it.each(['{ "name": "my-app" }\n', 'Dear Ada,\n', '\0\0', '{}\n'])(
    'does not overwrite a file that is not a recording: %j',
    async text => {
      const path = await pathIn();
      await writeFile(path, text);

      await expect(RecordingFile.open(path)).rejects.toThrow(
        `${path} exists and is not a recording. Fix: choose another --out.`,
      );
      expect(await read(path)).toBe(text);
    },
  );

  it('explains why a file is not writable', async () => {
    const folder = await makeFolder();

    await expect(RecordingFile.open(folder)).rejects.toThrow(
      `Cannot write ${folder}: illegal operation on a directory. Fix: choose another --out.`,
    );
    await expect(RecordingFile.open(join(folder, 'no', 'x'))).rejects.toThrow(
      'no such file or directory',
    );
  });

  it.skipIf(!hasSmallDisks)(
    `rejects a call while the disk is full and accepts calls again once there is space${NO_SMALL_DISKS}`,
    async () => {
      const disk = makeSmallDisk();
      const path = join(disk.path, 'calls.ndjson');
      const file = await RecordingFile.open(path);
      await file.append(CALL);
      disk.fill();

      const body = 'x'.repeat(100_000);
      await expect(file.append({ body })).rejects.toThrow('ENOSPC');
      disk.free();
      await file.append(CALL);
      await file.close();

      const lines = (await read(path)).split('\n');
      expect(`${lines[0]}\n`).toBe(LINE);
      expect(`${lines.at(-2)}\n`).toBe(LINE);
    },
  );
});
