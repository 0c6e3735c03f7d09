import { describe, expect, it } from 'vitest';
import { GroupCommit } from '../../../lib/inbox/group-commit.js';
import { MAX_DEATHS } from '../../../lib/inbox/record-deaths.js';
import { LmdbCrashCounter } from '../../../lib/lmdb/lmdb.crash-counter.js';
import { LmdbFolder } from '../../../lib/lmdb/lmdb.folder.js';
import { LmdbStore } from '../../../lib/lmdb/lmdb.store.js';
import { inboxPath } from '../../support/lmdb-folder.js';
import { datedEvent } from '../../support/lmdb-harness.js';
import { entryNamed, LmdbProcess } from '../../support/lmdb-process.js';

/** Opens a folder on which the test starts one process after another. */
async function openFolder() {
  const folder = await LmdbFolder.open(await inboxPath());
  const store = new LmdbStore(folder);
  const commit = new GroupCommit(folder);
  /** Starts a process that becomes the owner. */
  const start = async (hasCrashed: boolean) => {
    const crashes = new LmdbCrashCounter(folder, store, commit);
    await crashes.countCrash(hasCrashed);
    return crashes;
  };
  /** Adds a task that waits for its first run. */
  const addTask = async () => {
    const key = store.nextKey();
    await folder.write(() => store.addPending(key, 'a task'));
    return { key, task: { entry: datedEvent(), attempts: 0 } };
  };
  const countRows = () => {
    folder.refresh();
    return folder.tables.started.getCount();
  };
  return { folder, start, addTask, countRows };
}

describe('LmdbCrashCounter', () => {
  it('counts crashes of the tasks that ran, beginning with the second crash in a row', async () => {
    const { folder, start, addTask, countRows } = await openFolder();
    const [ran, waited] = [await addTask(), await addTask()];
    const first = await start(false);
    expect(await first.recordStart(ran)).toBe(false);
    expect(countRows()).toBe(0);

    const second = await start(true);
    expect(second.countFor(ran)).toBe(0);
    expect(await second.recordStart(ran)).toBe(true);
    const third = await start(true);

    expect(third.countFor(ran)).toBe(1);
    expect(third.countFor(waited)).toBe(0);
    await third.recordStart(ran);
    expect((await start(true)).countFor(ran)).toBe(2);
    await folder.close(1_000);
  });

  it('counts no crash after a regular stop', async () => {
    const { folder, start, addTask } = await openFolder();
    const task = await addTask();
    await (await start(true)).recordStart(task);

    expect((await start(false)).countFor(task)).toBe(0);
    expect((await start(true)).countFor(task)).toBe(0);
    await folder.close(1_000);
  });

  it('removes the count of a completed task', async () => {
    const { folder, start, addTask, countRows } = await openFolder();
    const task = await addTask();
    await (await start(true)).recordStart(task);
    const crashes = await start(true);

    await folder.write(() => crashes.clear(task));

    expect(countRows()).toBe(0);
    expect((await start(true)).countFor(task)).toBe(0);
    await folder.close(1_000);
  });

  it('records no start of a task that was accepted after the takeover', async () => {
    const { folder, start, addTask, countRows } = await openFolder();
    const before = await addTask();
    const crashes = await start(true);
    const after = await addTask();

    expect(await crashes.recordStart(after)).toBe(false);
    expect(await crashes.recordStart(before)).toBe(true);

    expect(countRows()).toBe(1);
    await folder.close(1_000);
  });
});

/** One uncounted crash, the counted crashes, and a start that succeeds. */
const STARTS = MAX_DEATHS + 1;

/** Starts one process after another until all events are handled. */
async function restartUntilIdle(path: string, maxStarts: number) {
  const handled: string[][] = [];
  for (let starts = 1; starts <= maxStarts; starts++) {
    const process = await LmdbProcess.start(path);
    handled.push(process.handled);
    const isIdle = await process.idle().then(
      () => true,
      () => false,
    );
    if (isIdle) return { process, handled };
  }
  throw new Error(`${maxStarts} processes ended`);
}

describe('LmdbInbox with an event whose handler leaves a rejection unhandled', () => {
  it(
    'stores a dead letter after five deaths and handles all other events',
    { timeout: 180_000 },
    async () => {
      const path = await inboxPath();
      const names = Array.from({ length: 30 }, (_, index) => `event ${index}`);
      const accepting = await LmdbProcess.start(path, { isHanging: true });
      for (const name of [
        ...names.slice(0, 10),
        'deadly',
        ...names.slice(10),
      ]) {
        await accepting.accept({ ...entryNamed(name), ConversationId: name });
      }
      await accepting.stop();

      const { process, handled } = await restartUntilIdle(path, STARTS);

      expect(handled).toHaveLength(STARTS);
      const [letter, ...others] = await process.letters();
      expect(letter).toMatchObject({
        name: 'deadly',
        kind: 'event',
        error: { message: expect.stringMatching(/^the process ended 4 times/) },
      });
      expect(letter).not.toHaveProperty('handler');
      expect(others).toEqual([]);
      expect(new Set(handled.flat())).toEqual(new Set([...names, 'deadly']));
      // After the first counted crash it runs alone, after the events that ran beside it.
      for (const started of handled.slice(2, -1)) {
        expect(started.at(-1)).toBe('deadly');
      }
      expect(handled.at(-1)).not.toContain('deadly');
    },
  );
});
