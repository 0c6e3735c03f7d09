import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RecordFile } from '../../../../lib/cli/record/record.file.js';
import {
  hasSmallDisks,
  makeSmallDisk,
  NO_SMALL_DISKS,
} from '../../../support/small-disk.js';

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-record-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

const pathIn = async () => join(await makeFolder(), 'calls.ndjson');

async function openFile(path: string): Promise<RecordFile> {
  const file = await RecordFile.open(path);
  onTestFinished(() => file.close());
  return file;
}

const read = (path: string) => readFile(path, 'utf8');

const LINE = '{"receivedAt":"2024-05-01T12:00:00.000Z","body":{"Type":1}}\n';

describe('a file of a recording', () => {
  it('holds lines in the order in which they came, however many at once', async () => {
    const path = await pathIn();
    const file = await openFile(path);
    const lines = Array.from({ length: 500 }, (_, n) => `{"body":${n}}\n`);

    await Promise.all(lines.map(line => file.append(line)));

    expect(await read(path)).toBe(lines.join(''));
  });

  it('holds a line once that is appended', async () => {
    const path = await pathIn();
    const file = await openFile(path);

    await file.append(LINE);
    expect(await read(path)).toBe(LINE);
    await file.append(LINE);
    expect(await read(path)).toBe(LINE + LINE);
  });

  it.skipIf(process.platform === 'win32')('is nobody else’s', async () => {
    const path = await pathIn();
    await openFile(path);

    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });
});

describe('a file that is there already', () => {
  it('is gone on with if it is a recording', async () => {
    const path = await pathIn();
    await writeFile(path, LINE + LINE);

    await (await openFile(path)).append(LINE);

    expect(await read(path)).toBe(LINE + LINE + LINE);
  });

  it('loses the line that a crash broke off', async () => {
    const path = await pathIn();
    const torn = `{"receivedAt":"2024","text":"${'é'.repeat(100_000)}`;
    await writeFile(path, LINE + torn);

    const file = await openFile(path);
    await file.append(LINE);

    expect(file.found.tornBytes).toBe(Buffer.byteLength(torn));
    expect(await read(path)).toBe(LINE + LINE);
  });

  it('loses the only line, if that broke off', async () => {
    const path = await pathIn();
    await writeFile(path, '{"recei');

    await (await openFile(path)).append(LINE);

    expect(await read(path)).toBe(LINE);
  });

  it('keeps a last line that lacks its line break alone', async () => {
    const path = await pathIn();
    await writeFile(path, LINE + LINE.trim());

    await (await openFile(path)).append(LINE);

    expect(await read(path)).toBe(LINE + LINE + LINE);
  });

  it.each(['{ "name": "my-app" }\n', 'Dear Ada,\n', '\0\0', '{}\n'])(
    'is refused, and stays as it is, if it is anything else: %j',
    async text => {
      const path = await pathIn();
      await writeFile(path, text);

      await expect(RecordFile.open(path)).rejects.toThrow(
        /is there already and is no recording: give another --out/,
      );
      expect(await read(path)).toBe(text);
    },
  );
});

describe('a file that can not be written', () => {
  it('is refused with what to do', async () => {
    const folder = await makeFolder();

    await expect(RecordFile.open(folder)).rejects.toThrow(
      `${folder} can't be written: it is a folder. Give another --out.`,
    );
    await expect(RecordFile.open(join(folder, 'no', 'x'))).rejects.toThrow(
      'there is no such folder',
    );
  });

  it.skipIf(!hasSmallDisks)(
    `holds whole lines when the disk is full, and goes on when there is room${NO_SMALL_DISKS}`,
    async () => {
      const disk = makeSmallDisk();
      const path = join(disk.path, 'calls.ndjson');
      const file = await RecordFile.open(path);
      await file.append(LINE);
      disk.fill();

      const long = `{"text":"${'x'.repeat(100_000)}"}\n`;
      await expect(file.append(long)).rejects.toThrow('ENOSPC');
      expect(await read(path)).toBe(LINE);

      disk.free();
      await file.append(LINE);
      await file.close();
      expect(await read(path)).toBe(LINE + LINE);
    },
  );
});
