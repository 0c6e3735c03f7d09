import { Injectable, Module, type Type } from '@nestjs/common';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  OnXenioo,
  UserMessageEvent,
  XeniooEventType,
  XeniooWebhookStatus,
  XeniooInboxError,
  XeniooModule,
  XeniooOptionsError,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import { lmdbInbox, type LmdbInboxOptions } from '../../lib/lmdb/index.js';
import { deliver, idle, senderFor } from '../../lib/testing/index.js';
import { createLatch } from '../support/create-latch.js';
import { startHost, type AdapterName } from '../support/host-app.js';
import { inboxPath } from '../support/lmdb-folder.js';
import { message, messages, numbered } from '../support/messages.js';
import {
  hasSmallDisks,
  makeSmallDisk,
  NO_SMALL_DISKS,
} from '../support/small-disk.js';

/** Record of the handlers of one test, in any of its applications. */
class HandlerRecord {
  /** Texts of the started events, in order. */
  readonly begun: string[] = [];
  /** Texts of the finished events, in order. */
  readonly done: string[] = [];
  /** Awaited by every handler; may throw. */
  work: (event: UserMessageEvent) => void | Promise<void> = () => {};
}

/** Creates a provider whose handler writes to the record. */
function createHandlers(record: HandlerRecord): Type {
  @Injectable()
  class Handlers {
    @OnXenioo(XeniooEventType.UserMessage, {
      name: 'keep',
      retry: { attempts: 4, backoff: 'fixed', delayMs: 300 },
    })
    async keep(event: UserMessageEvent) {
      record.begun.push(event.text!);
      await record.work(event);
      record.done.push(event.text!);
    }
  }
  return Handlers;
}

async function start(
  adapter: AdapterName,
  path: string,
  record = new HandlerRecord(),
  options: Partial<XeniooModuleOptions> = {},
) {
  const host = await startHost(adapter, {
    imports: [
      XeniooModule.forRoot({
        secret: 'right-secret',
        inbox: lmdbInbox({ path }),
        acceptTimeoutMs: 9_000,
        ...options,
      }),
    ],
    providers: [createHandlers(record)],
  });
  /** Sends entries in one call that is answered 200. */
  const accept = (...entries: object[]) =>
    deliver(host.app, entries, { grouped: entries.length });
  return { ...host, record, accept, idle: () => idle(host.app) };
}

describe.each(['express', 'fastify'] as const)('on %s', adapter => {
  it('handles every event that it answered 200 once, even when it is closed under load', async () => {
    const path = await inboxPath();
    const first = await start(adapter, path);
    const answered: string[] = [];
    const state = { isClosed: false };
    const sender = await senderFor(first.app, {
      failures: 'ignore',
      // Open connections would keep the server running.
      headers: { connection: 'close' },
    });
    const callers = Array.from({ length: 16 }, async (_, caller) => {
      for (let calls = 0; !state.isClosed; calls++) {
        const texts = numbered(`${caller}.${calls}`, 5);
        const { status } = await sender.call(messages(texts));
        if (status === 200) answered.push(...texts);
      }
    });
    await expect.poll(() => answered.length).toBeGreaterThan(200);

    await first.app.close();
    state.isClosed = true;
    await Promise.all(callers);
    sender.close();
    const second = await start(adapter, path);
    await second.idle();

    const handled = [...first.record.done, ...second.record.done];
    expect(new Set(handled).size).toBe(handled.length);
    expect(answered.filter(text => !handled.includes(text))).toEqual([]);
    expect(first.logs.ofXenioo('error')).toEqual([]);
    expect(first.logs.ofXenioo('warn')).toEqual([]);
  });

  it('keeps a pending retry and its attempts across a restart', async () => {
    const path = await inboxPath();
    const record = new HandlerRecord();
    record.work = () => {
      throw new Error('the CRM is down');
    };
    const first = await start(adapter, path, record);
    await first.accept(message('one'));
    await expect.poll(() => record.begun.length).toBeGreaterThan(1);
    await first.app.close();
    expect(first.logs.ofXenioo('warn').join()).not.toContain('Stopping');

    const second = await start(adapter, path, record);
    await second.idle();

    expect(record.begun).toEqual(['one', 'one', 'one', 'one']);
    expect(second.logs.ofXenioo('error')).toEqual([
      expect.stringMatching(/^keep failed .*\(attempt 4; no more attempts\)/),
    ]);
  });

  it('logs which events are still running at shutdown and handles them again', async () => {
    const path = await inboxPath();
    const record = new HandlerRecord();
    const latch = createLatch();
    record.work = () => latch.opened;
    const first = await start(adapter, path, record, { shutdownTimeoutMs: 50 });
    const texts = numbered('event', 3);
    await first.accept(...messages(texts));
    await expect.poll(() => record.begun).toHaveLength(3);

    await first.app.close();

    expect(first.logs.ofXenioo('warn')).toEqual([
      expect.stringMatching(
        /^Stopping while handlers of 3 events are running\. .*handled again after the next start.*`shutdownTimeoutMs`/,
      ),
    ]);
    const second = await start(adapter, path);
    await second.idle();
    latch.open();
    expect(second.record.done.toSorted()).toEqual(texts);
  });

  it('does not repeat handled events after a restart', async () => {
    const path = await inboxPath();
    const first = await start(adapter, path);
    const entries = messages(numbered('event', 10));
    await first.accept(...entries);
    await first.idle();
    await first.app.close();

    const second = await start(adapter, path);
    await second.accept(...entries);
    await second.idle();

    expect(first.record.done).toHaveLength(10);
    expect(second.record.begun).toEqual([]);
  });

  it('accepts in both and handles in one of two applications that share a folder', async () => {
    const path = await inboxPath();
    const first = await start(adapter, path);
    const second = await start(adapter, path);
    await second.accept(message('to the second'));
    await first.accept(message('to the first'));
    await second.idle();
    expect(first.record.done.toSorted()).toEqual([
      'to the first',
      'to the second',
    ]);

    await first.app.close();
    await second.accept(message('later'));
    await second.idle();

    expect(second.record.done).toEqual(['later']);
    expect(first.record.done).toHaveLength(2);
  });

  it('answers 503 and logs an error once its data file is deleted', async () => {
    const path = await inboxPath();
    const host = await start(adapter, path);
    await host.accept(message('before'));
    await host.idle();
    await rm(join(path, 'inbox.mdb'));

    const sender = await senderFor(host.app);
    expect(await sender.call(message('after'))).toMatchObject({ status: 503 });
    sender.close();

    expect(host.logs.ofXenioo('error')[0]).toMatch(
      /inbox\.mdb was deleted, replaced or overwritten while in use/,
    );
  });

  it('refuses to start two instances on one folder and names the folder', async () => {
    const path = await inboxPath();
    const instance = (at: string) =>
      XeniooModule.forRoot({
        secret: 'right-secret',
        path: at,
        inbox: lmdbInbox({ path }),
      });

    const error = await startHost(adapter, {
      imports: [instance('first'), instance('second')],
    }).catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(XeniooOptionsError);
    expect((error as Error).message).toContain(path);
  });

  it('starts two instances on two folders', async () => {
    const record = new HandlerRecord();
    const paths = [await inboxPath(), await inboxPath()];
    const { app } = await startHost(adapter, {
      imports: paths.map((path, index) =>
        XeniooModule.forRoot({
          secret: 'right-secret',
          path: `hook-${index}`,
          inbox: lmdbInbox({ path }),
        }),
      ),
      providers: [createHandlers(record)],
    });

    for (const index of [0, 1]) {
      await deliver(app, message(`to ${index}`), { path: `/hook-${index}` });
    }

    await idle(app);
    expect(record.done.toSorted()).toEqual(['to 0', 'to 1']);
  });

  describe.skipIf(!hasSmallDisks)(`on a full disk${NO_SMALL_DISKS}`, () => {
    it('answers 503, stores no entry and recovers when there is space', async () => {
      const disk = makeSmallDisk();
      const host = await start(adapter, join(disk.path, 'inbox'));
      const { app, logs, record } = host;
      await host.accept(message('before'));
      await host.idle();
      const large = messages([
        'small',
        ...numbered('large', 20).map(text => text.padEnd(30_000, '.')),
      ]);
      disk.fill();

      const sender = await senderFor(app);
      expect(await sender.call(large)).toMatchObject({ status: 503 });
      expect(await sender.call(large)).toMatchObject({ status: 503 });
      sender.close();

      expect(logs.ofXenioo('error')[0]).toMatch(
        /^Strike 1: answered 503 .*(No space left on device|ENOSPC|is full)/,
      );
      expect(app.get(XeniooWebhookStatus).strikes).toBe(2);
      disk.free();
      await host.accept(message('after'));
      await host.idle();
      expect(record.done).toEqual(['before', 'after']);

      await host.accept(...large);
      await host.accept(...large);
      await host.idle();
      expect(record.done).toHaveLength(2 + 21);
      expect(new Set(record.done).size).toBe(2 + 21);
    });

    it('stores a body of backslashes without multiplying its size, and accepts later calls', async () => {
      const disk = makeSmallDisk();
      const host = await start(adapter, join(disk.path, 'inbox'));
      const sender = await senderFor(host.app);
      const body = '\\'.repeat(300_000);
      const { url } = host;
      const post = () =>
        fetch(url('/xenioo/webhook'), {
          method: 'POST',
          headers: { authorization: 'Bearer right-secret' },
          body,
        });

      expect((await post()).status).toBe(200);
      await host.idle();
      const { size } = await stat(join(disk.path, 'inbox', 'inbox.mdb'));
      expect(size).toBeLessThan(2 * 2 ** 20);

      expect(await sender.call(message('after'))).toMatchObject({
        status: 200,
      });
      sender.close();
      await host.idle();
      expect(host.record.done).toEqual(['after']);
    });

    it('records the results of handlers later', async () => {
      const disk = makeSmallDisk();
      const path = join(disk.path, 'inbox');
      const record = new HandlerRecord();
      const latch = createLatch();
      record.work = async () => {
        await latch.opened;
        if (record.begun.length <= 20) throw new Error('the CRM is down');
      };
      const host = await start(adapter, path, record);
      const texts = numbered('large', 20).map(text => text.padEnd(25_000, '.'));
      await host.accept(...messages(texts));
      await expect.poll(() => record.begun).toHaveLength(7);
      disk.fill();
      latch.open();
      await expect
        .poll(() => host.logs.ofXenioo('error')[0])
        .toMatch(
          /^Recording the results of handlers .* failed; retrying: .*(No space left on device|ENOSPC|is full)/,
        );
      disk.free();
      await host.idle();
      expect(record.begun).toHaveLength(40);
      expect(record.done.toSorted()).toEqual(texts.toSorted());

      await host.app.close();
      const again = await start(adapter, path);
      await again.idle();
      expect(again.record.begun).toEqual([]);
    });

    it('starts on an existing folder and accepts when there is space', async () => {
      const disk = makeSmallDisk();
      const path = join(disk.path, 'inbox');
      const record = new HandlerRecord();
      const latch = createLatch();
      record.work = () => latch.opened;
      const first = await start(adapter, path, record, {
        shutdownTimeoutMs: 50,
      });
      await first.accept(message('before'));
      await expect.poll(() => record.begun).toHaveLength(1);
      await first.app.close();
      latch.open();
      disk.fill();

      const second = await start(adapter, path);
      disk.free();
      await expect.poll(() => second.record.done).toEqual(['before']);

      await second.accept(message('after'));
      await second.idle();
      expect(second.record.done).toEqual(['before', 'after']);
    });

    it('refuses to start with a new folder and names the reason', async () => {
      const disk = makeSmallDisk();
      disk.fill();

      const path = join(disk.path, 'inbox');
      const error = await start(adapter, path).catch(
        (caught: unknown) => caught,
      );

      expect(error).toBeInstanceOf(XeniooInboxError);
      expect((error as Error).message).toMatch(/is full|ENOSPC/);
      expect((error as Error).message).toContain(path);
    });
  });

  describe.skipIf(!hasSmallDisks)(
    `on a read-only disk${NO_SMALL_DISKS}`,
    () => {
      it('refuses to create a folder and advises to mount a volume', async () => {
        const disk = makeSmallDisk();
        disk.makeReadOnly();

        await expect(
          start(adapter, join(disk.path, 'data', 'inbox')),
        ).rejects.toThrow(/read-only\. Mount a writable volume/);
      });

      it('refuses to start and names the reason', async () => {
        const disk = makeSmallDisk();
        const path = join(disk.path, 'inbox');
        const first = await start(adapter, path);
        await first.accept(message('one'));
        await first.idle();
        await first.app.close();
        disk.makeReadOnly();

        const error = await start(adapter, path).catch(
          (caught: unknown) => caught,
        );

        expect(error).toBeInstanceOf(XeniooInboxError);
        expect((error as Error).message).toContain(path);
        expect((error as Error).message).toMatch(
          /file system at .* is read-only\. Mount a writable volume/,
        );
      });
    },
  );
});

describe('lmdbInbox()', () => {
  const boot = (options: Parameters<typeof lmdbInbox>[0]) =>
    startHost('express', {
      imports: [
        XeniooModule.forRoot({
          secret: 'right-secret',
          inbox: lmdbInbox(options),
        }),
      ],
    });

  it.each<[string, object, RegExp]>([
    ['no path', {}, /`path` of lmdbInbox\(\) .* got nothing/],
    ['an empty path', { path: ' ' }, /`path` of lmdbInbox\(\)/],
    [
      'an option that does not exist',
      { path: 'x', pathh: 'y' },
      /`pathh` is not an option here; the options are path, deadLetterRetentionDays/,
    ],
    [
      'a retention of zero days',
      { path: 'x', deadLetterRetentionDays: 0 },
      /`deadLetterRetentionDays`/,
    ],
    [
      'a factory that returns nothing',
      { useFactory: () => undefined },
      /lmdbInbox\(\) to get an object of options, got nothing/,
    ],
  ])('fails the boot for %s', async (_, options, message) => {
    const error = await boot(options as LmdbInboxOptions).catch(
      (caught: unknown) => caught,
    );

    expect(error).toBeInstanceOf(XeniooOptionsError);
    expect((error as Error).message).toMatch(message);
  });

  it('gets its options from a factory with injected providers', async () => {
    const path = await inboxPath();

    @Injectable()
    class Config {
      readonly folder = path;
    }

    @Module({ providers: [Config], exports: [Config] })
    class ConfigModule {}

    await startHost('express', {
      imports: [
        XeniooModule.forRootAsync({
          imports: [ConfigModule],
          useFactory: () => ({ secret: 'right-secret' }),
          inbox: lmdbInbox({
            inject: [Config],
            useFactory: async ({ folder }: Config) => ({ path: folder }),
          }),
        }),
      ],
    });

    expect(await readdir(path)).toContain('inbox.mdb');
  });

  it('accepts an existing empty folder and makes it private', async () => {
    const path = await inboxPath();
    await mkdir(path, { mode: 0o755 });

    await boot({ path });

    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  it('rejects a folder that holds other files', async () => {
    const path = await inboxPath();
    await mkdir(path);
    await writeFile(join(path, 'letter.txt'), 'dear Ada');

    await expect(boot({ path })).rejects.toThrow(
      `the folder ${path} holds other files, such as letter.txt. Give the LMDB inbox a folder of its own`,
    );
    expect(await readdir(path)).toEqual(['letter.txt']);
  });
});
