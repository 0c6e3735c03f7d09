import { copyFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { LmdbFolder } from '../../../lib/lmdb/lmdb.folder.js';
import { createLatch } from '../../support/create-latch.js';
import {
  datedEvent,
  delivery,
  done,
  LmdbHarness,
  retry,
  undatedEvent,
} from '../../support/lmdb-harness.js';
import { inboxPath } from '../../support/lmdb-folder.js';
import { entryNamed, LmdbProcess } from '../../support/lmdb-process.js';
import { WAIT_OPTIONS } from '../../support/wait-options.js';

describe('LmdbInbox data file', () => {
  it('stays small after many handled events', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start();
    for (let calls = 0; calls < 200; calls++) {
      const entries = Array.from({ length: 100 }, (_, index) =>
        datedEvent(`conversation ${index % 40}`),
      );
      await inbox.accept(delivery(entries));
      if (calls % 10 === 9) await inbox.idle();
    }

    expect(harness.runs).toHaveLength(20_000);
    const { size } = await stat(join(harness.path, 'inbox.mdb'));
    expect(size).toBeLessThan(8 * 2 ** 20);
  });

  it.each<[string, (folder: string) => Promise<void>, RegExp]>([
    [
      'its data file is deleted',
      folder => rm(join(folder, 'inbox.mdb')),
      /inbox\.mdb was deleted, replaced or overwritten.* restore this file/,
    ],
    [
      'its data file is emptied',
      folder => truncate(join(folder, 'inbox.mdb')),
      /inbox\.mdb was deleted, replaced or overwritten.* restore this file/,
    ],
    [
      'its lock file is deleted',
      folder => rm(join(folder, 'inbox.mdb-lock')),
      /inbox\.mdb-lock was deleted.* Restart every process .*; no event is lost/,
    ],
    [
      'its folder is moved',
      folder => rename(folder, `${folder}-moved`),
      /the folder was moved or deleted.* move the folder back/,
    ],
  ])(
    'refuses calls and logs one line with the advice once %s, even while a handler runs',
    async (_, change, advice) => {
      const harness = await LmdbHarness.create();
      const latch = createLatch();
      const inbox = await harness.start(async () => {
        await latch.opened;
        return [done()];
      });
      await inbox.accept(delivery([datedEvent(), datedEvent()]));
      await harness.hasRun(2);
      await change(harness.path);

      for (let calls = 0; calls < 3; calls++) {
        await expect(inbox.accept(delivery([datedEvent()]))).rejects.toThrow(
          advice,
        );
      }
      latch.open();
      await inbox.drain();
      await inbox.stop(1_500);

      expect(harness.logs.ofXenioo('error')).toEqual([
        expect.stringMatching(/\. Calls are answered 503 until then\.$/),
      ]);
    },
  );

  it('logs that its data file was emptied when no call comes', async () => {
    const harness = await LmdbHarness.create();
    const latch = createLatch();
    const inbox = await harness.start(async () => {
      await latch.opened;
      return [done()];
    });
    await inbox.accept(delivery([datedEvent()]));
    // It reads nothing while the handler runs.
    await harness.hasRun(1);
    await truncate(join(harness.path, 'inbox.mdb'));

    await expect
      .poll(() => harness.logs.ofXenioo('error'))
      .toEqual([expect.stringMatching(/inbox\.mdb was .*overwritten/)]);
    latch.open();
  });

  it('handles all events after a restart once its lock file was deleted', async () => {
    const path = await inboxPath();
    const hanging = await LmdbProcess.start(path, { isHanging: true });
    await hanging.accept(entryNamed('pending'));
    await rm(join(path, 'inbox.mdb-lock'));
    await expect(hanging.accept(entryNamed('refused'))).rejects.toThrow(
      /Restart every process/,
    );
    await hanging.stop();

    const restarted = await LmdbProcess.start(path);
    await restarted.idle();

    expect(restarted.handled).toEqual(['pending']);
  });

  it('ends its process in time once its data file was emptied, and opens a restored one', async () => {
    const path = await inboxPath();
    const hanging = await LmdbProcess.start(path, { isHanging: true });
    await hanging.accept(entryNamed('pending'));
    // It reads nothing while the handler hangs.
    await expect.poll(() => hanging.handled).toEqual(['pending']);
    const data = join(path, 'inbox.mdb');
    const backup = join(path, '..', 'backup.mdb');
    await copyFile(data, backup);
    await truncate(data);
    await expect(hanging.accept(entryNamed('refused'))).rejects.toThrow(
      /restore this file/,
    );
    await hanging.stop();
    await copyFile(backup, data);

    const restarted = await LmdbProcess.start(path);
    await restarted.idle();

    expect(restarted.handled).toEqual(['pending']);
  });
});

describe('LmdbInbox.stats()', () => {
  it('counts pending events, running handlers, retries and dead letters', async () => {
    const harness = await LmdbHarness.create();
    const latch = createLatch();
    const inbox = await harness.start(
      async () => {
        await latch.opened;
        return [retry(60_000), done()];
      },
      { concurrency: 2 },
    );
    expect(await inbox.stats()).toEqual({
      pending: 0,
      running: 0,
      retries: 0,
      deadLetters: 0,
    });
    const events = [datedEvent(), datedEvent(), datedEvent()];

    await inbox.accept(delivery(events));
    await harness.hasRun(2);

    expect(await inbox.stats()).toEqual({
      pending: 3,
      running: 2,
      retries: 0,
      deadLetters: 0,
      oldestPendingAt: events[0]!.receivedAt,
    });
    latch.open();
    await expect
      .poll(() => inbox.stats())
      .toMatchObject({
        pending: 0,
        retries: 3,
      });
  });
});

describe('LmdbInbox.pause()', () => {
  it('starts no handlers until resume() and accepts calls', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start();
    await inbox.pause();

    await inbox.accept(delivery([datedEvent('ada'), datedEvent('ada')]));
    await inbox.drain();
    expect(harness.runs).toEqual([]);
    expect(await inbox.stats()).toMatchObject({ pending: 2, running: 0 });

    await inbox.resume();
    await inbox.idle();
    expect(harness.runs).toHaveLength(2);
  });

  it('takes effect before start(), too', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.open();
    await inbox.pause();
    await inbox.start(harness.runner());
    await inbox.accept(delivery([datedEvent()]));
    expect(await inbox.stats()).toMatchObject({ pending: 1, running: 0 });

    await inbox.resume();

    await inbox.idle();
    expect(harness.runs).toHaveLength(1);
  });
});

describe('LmdbInbox.drain()', () => {
  it('waits for events accepted before it, not for later ones', async () => {
    const harness = await LmdbHarness.create();
    const latches = [createLatch(), createLatch()];
    const inbox = await harness.start(
      () => latches[harness.runs.length - 1]!.opened,
    );
    await inbox.accept(delivery([datedEvent()]));
    await harness.hasRun(1);

    const drained = inbox.drain();
    await inbox.accept(delivery([datedEvent()]));
    await harness.hasRun(2);
    latches[0]!.open();
    await drained;

    expect(harness.runs).toHaveLength(2);
    latches[1]!.open();
    await inbox.idle();
  });

  it('does not wait for events that another process accepts later', async () => {
    const harness = await LmdbHarness.create();
    const receiver = await harness.open();
    const latches = [createLatch(), createLatch()];
    const owner = await harness.start(
      () => latches[harness.runs.length - 1]!.opened,
    );
    await receiver.accept(delivery([datedEvent()]));
    await harness.hasRun(1);

    const drained = owner.drain();
    const drainedAt = Date.now();
    // "Later" is decided by the clocks of both inboxes, which differ by up to a millisecond.
    await expect.poll(() => Date.now()).toBeGreaterThan(drainedAt + 2);
    await receiver.accept(delivery([datedEvent()]));
    await harness.hasRun(2);
    latches[0]!.open();
    await drained;

    expect(harness.runs).toHaveLength(2);
    latches[1]!.open();
    await owner.idle();
  });

  it('does not wait for a retry that is not due', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(() => [retry(60_000)]);
    await inbox.accept(delivery([datedEvent()]));
    await harness.hasRun(1);

    await inbox.drain();

    expect(harness.runs).toHaveLength(1);
  });

  it('does not wait when another process handles the events', async () => {
    const harness = await LmdbHarness.create();
    const { opened, open } = createLatch();
    const first = await harness.start(() => opened);
    const second = await harness.start();
    await second.accept(delivery([datedEvent()]));
    await harness.hasRun(1);

    await second.drain();

    expect(harness.runs).toHaveLength(1);
    open();
    await first.idle();
  });
});

describe('LmdbInbox with duplicates', () => {
  it('reports them with their bot, within a call and between calls', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start();
    const event = datedEvent();

    await inbox.accept(delivery([event, event, undatedEvent()]));
    await inbox.accept(delivery([event]));
    await inbox.idle();

    expect(harness.duplicates).toEqual([
      { bot: 'default', count: 1 },
      { bot: 'default', count: 1 },
    ]);
    expect(harness.runs).toHaveLength(2);
  });
});

describe('LmdbInbox with a commit that exceeds `acceptTimeoutMs`', () => {
  it('handles the events of the refused call once, though the call is repeated', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(undefined, { acceptTimeoutMs: 4_000 });
    const [first, last] = [createLatch(), createLatch()];
    const { write } = LmdbFolder.prototype;
    const isWriting = createLatch();
    const spy = vi
      .spyOn(LmdbFolder.prototype, 'write')
      .mockImplementationOnce(async function (this: LmdbFolder, ...values) {
        isWriting.open();
        await first.opened;
        await write.apply(this, values);
      })
      // The second commit succeeds but is reported late.
      .mockImplementationOnce(async function (this: LmdbFolder, ...values) {
        await write.apply(this, values);
        await last.opened;
      });
    await inbox.pause();
    const calledAt = performance.now();
    const other = inbox.accept(delivery([datedEvent()]));
    await isWriting.opened;
    const [dated, undated] = [datedEvent(), undatedEvent()];
    const refused = inbox.accept(delivery([dated, undated]));
    refused.catch(() => {});
    const isLater = () => performance.now() > calledAt + 2_000;
    await vi.waitUntil(isLater, WAIT_OPTIONS);
    const repeated = inbox.accept(delivery([dated]));
    first.open();
    await other;

    await expect(refused).rejects.toThrow(
      /the events could not be written within 4000 ms \(`acceptTimeoutMs`\)/,
    );
    last.open();
    await repeated;
    spy.mockRestore();
    await inbox.resume();
    await inbox.idle();

    expect(harness.ids.slice(1)).toEqual([dated.id, undated.id]);
  });
});
