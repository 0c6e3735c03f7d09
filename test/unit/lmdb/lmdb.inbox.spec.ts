import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { LmdbFolder } from '../../../lib/lmdb/lmdb.folder.js';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { createLatch } from '../../support/create-latch.js';
import {
  datedEvent,
  delivery,
  done,
  LmdbHarness,
  retry,
  undatedEvent,
} from '../../support/lmdb-harness.js';

describe('the data file', () => {
  it('stays small, however much is handled', async () => {
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

  it.each(['inbox.mdb', 'inbox.mdb-lock'])(
    'refuses calls once %s is deleted, with a log line',
    async name => {
      const harness = await LmdbHarness.create();
      const inbox = await harness.start();
      await inbox.accept(delivery([datedEvent()]));
      await inbox.idle();
      await rm(join(harness.path, name));

      for (let calls = 0; calls < 3; calls++) {
        await expect(inbox.accept(delivery([datedEvent()]))).rejects.toThrow(
          /was deleted or replaced while in use/,
        );
      }

      expect(harness.logs.ofXenioo('error')).toEqual([
        expect.stringMatching(/inbox\.mdb.* was deleted .*answered 503/),
      ]);
      await inbox.drain();
    },
  );

  it('refuses calls once its folder is moved away', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start();
    await rename(harness.path, `${harness.path}-moved`);

    await expect(inbox.accept(delivery([datedEvent()]))).rejects.toThrow(
      XeniooInboxError,
    );
  });
});

describe('stats()', () => {
  it('counts what is pending, runs, is retried and has failed', async () => {
    const harness = await LmdbHarness.create();
    const door = createLatch();
    const inbox = await harness.start(
      async () => {
        await door.opened;
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
    door.open();
    await expect
      .poll(() => inbox.stats())
      .toMatchObject({
        pending: 0,
        retries: 3,
      });
  });
});

describe('pause()', () => {
  it('starts no handlers until resume(), while accepting goes on', async () => {
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

  it('holds before the start too', async () => {
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

describe('drain()', () => {
  it('waits for what was accepted before, and not for what comes meanwhile', async () => {
    const harness = await LmdbHarness.create();
    const doors = [createLatch(), createLatch()];
    const inbox = await harness.start(
      () => doors[harness.runs.length - 1]!.opened,
    );
    await inbox.accept(delivery([datedEvent()]));
    await harness.hasRun(1);

    const drained = inbox.drain();
    await inbox.accept(delivery([datedEvent()]));
    await harness.hasRun(2);
    doors[0]!.open();
    await drained;

    expect(harness.runs).toHaveLength(2);
    doors[1]!.open();
    await inbox.idle();
  });

  it('does not wait for a retry that is not due', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(() => [retry(60_000)]);
    await inbox.accept(delivery([datedEvent()]));
    await harness.hasRun(1);

    await inbox.drain();

    expect(harness.runs).toHaveLength(1);
  });

  it('does not wait where another process handles events', async () => {
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

describe('a duplicate', () => {
  it('is reported with its bot, in a call and between calls', async () => {
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

describe('a commit that ends too late for its call', () => {
  it('leaves nothing of the call, which can come again', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(undefined, { acceptTimeoutMs: 8_000 });
    await inbox.accept(delivery([datedEvent()]));
    await inbox.idle();
    await inbox.pause();
    const { write } = LmdbFolder.prototype;
    const late = createLatch();
    // The disk has written, and says so late.
    const spy = vi
      .spyOn(LmdbFolder.prototype, 'write')
      .mockImplementationOnce(async function (this: LmdbFolder, ...values) {
        await write.apply(this, values);
        await late.opened;
      });
    const [dated, undated] = [datedEvent(), undatedEvent()];

    await expect(inbox.accept(delivery([dated, undated]))).rejects.toThrow(
      /the events could not be written within 8000 ms \(`acceptTimeoutMs`\)/,
    );
    await expect.poll(async () => (await inbox.stats()).pending).toBe(0);
    late.open();
    spy.mockRestore();
    await inbox.resume();
    await inbox.idle();
    expect(harness.runs).toHaveLength(1);

    await inbox.accept(delivery([dated, undated]));
    await inbox.idle();
    expect(harness.ids.slice(1)).toEqual([dated.id, undated.id]);
  });
});
