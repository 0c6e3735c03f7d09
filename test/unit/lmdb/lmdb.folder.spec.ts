import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LmdbFolder } from '../../../lib/lmdb/lmdb.folder.js';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { inboxPath } from '../../support/lmdb-folder.js';
import { entryNamed, LmdbProcess } from '../../support/lmdb-process.js';
import {
  hasSmallDisks,
  makeSmallDisk,
  NO_SMALL_DISKS,
} from '../../support/small-disk.js';

describe('LmdbFolder.write()', () => {
  it('persists all changes of a batch', async () => {
    const path = await inboxPath();
    const folder = await LmdbFolder.open(path);
    await folder.write(() => {
      void folder.tables.pending.put([1, 1], 'one');
      void folder.tables.pending.put([1, 2], 'two');
    });
    expect(folder.tables.pending.get([1, 2])).toBe('two');
    await folder.close(1_000);

    const again = await LmdbFolder.open(path);
    expect(again.tables.pending.get([1, 1])).toBe('one');
    await again.close(1_000);
  });

  it('writes conditionally on an absent key or an expected version', async () => {
    const folder = await LmdbFolder.open(await inboxPath());
    const writeIf = async (version: number | null, next: number) => {
      let isWritten!: Promise<boolean>;
      const { meta } = folder.tables;
      await folder.write(batch => {
        isWritten = batch.when(meta, 'key', version, () => {
          void meta.put('key', `of version ${next}`, next);
        });
      });
      return isWritten;
    };

    expect(await writeIf(null, 5)).toBe(true);
    expect(await writeIf(null, 6)).toBe(false);
    expect(await writeIf(6, 7)).toBe(false);
    expect(await writeIf(5, 8)).toBe(true);

    expect(folder.tables.meta.getEntry('key')).toEqual({
      value: 'of version 8',
      version: 8,
    });
    await folder.close(1_000);
  });
});

describe('LmdbFolder after close()', () => {
  it('rejects reads and writes', async () => {
    const folder = await LmdbFolder.open(await inboxPath());
    await folder.close(1_000);
    await folder.close(1_000);

    expect(folder.isOpen).toBe(false);
    expect(() => folder.tables).toThrow(XeniooInboxError);
    await expect(folder.write(() => {})).rejects.toThrow(XeniooInboxError);
    folder.refresh();
    folder.releaseDeadReaders();
  });
});

describe.skipIf(!hasSmallDisks)(
  `LmdbFolder on a full disk${NO_SMALL_DISKS}`,
  () => {
    it('writes nothing of a batch that does not fit, and all of it once there is space', async () => {
      const disk = makeSmallDisk();
      const folder = await LmdbFolder.open(join(disk.path, 'inbox'));
      const write = () =>
        folder.write(() => {
          const { pending } = folder.tables;
          for (let number = 1; number <= 100; number++) {
            void pending.put([1, number], 'x'.repeat(5_000));
          }
        });
      disk.fill();

      for (let tries = 0; tries < 3; tries++) {
        await expect(write()).rejects.toThrow(/No space left|ENOSPC|is full/);
      }
      expect(folder.tables.pending.getKeysCount()).toBe(0);
      disk.free();
      await write();

      expect(folder.tables.pending.getKeysCount()).toBe(100);
      await folder.close(1_000);
    });

    it('rejects writes before lmdb fails, which would print the error and could end the process', async () => {
      const disk = makeSmallDisk();
      const path = join(disk.path, 'inbox');
      const first = await LmdbProcess.start(path, { isHanging: true });
      const waiting = 'y'.repeat(600_000);
      await first.accept(entryNamed(waiting));
      await first.kill();
      // The second process reads the waiting event from the disk.
      const process = await LmdbProcess.start(path, { isHanging: true });
      await expect.poll(() => process.handled).toEqual([waiting]);
      disk.fill();

      for (let tries = 0; tries < 40; tries++) {
        const large = entryNamed(
          'x'.repeat(tries % 2 === 0 ? 600_000 : 120_000),
        );
        await expect(process.accept(large)).rejects.toThrow(/XeniooInboxError/);
      }
      expect(process.printed).toBe('');
      disk.free();
      await process.accept(entryNamed('small'));

      await expect.poll(() => process.handled.at(-1)).toBe('small');
      expect(process.handled).toHaveLength(2);
    }, 15_000);
  },
);
