import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { GroupCommit } from '../../../lib/inbox/group-commit.js';
import { LmdbFolder } from '../../../lib/lmdb/lmdb.folder.js';
import { LmdbOwnership } from '../../../lib/lmdb/lmdb.ownership.js';
import { inboxPath, temporaryFolder } from '../../support/lmdb-folder.js';
import { createLatch } from '../../support/create-latch.js';
import {
  datedEvent,
  delivery,
  LmdbHarness,
} from '../../support/lmdb-harness.js';
import { entryNamed, LmdbProcess } from '../../support/lmdb-process.js';

const socketsIn = async (path: string) =>
  (await readdir(path)).filter(name => name.endsWith('.sock'));

const namesOf = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix} ${index}`);

describe('LmdbInbox in two processes with one folder', () => {
  it('accepts in both and handles in exactly one', async () => {
    const path = await inboxPath();
    const first = await LmdbProcess.start(path);
    const second = await LmdbProcess.start(path);
    const names = namesOf('event', 60);

    for (const [index, name] of names.entries()) {
      const process = index % 2 === 0 ? first : second;
      await process.accept(entryNamed(name));
    }
    await second.idle();

    expect(first.handled.toSorted()).toEqual(names.toSorted());
    expect(second.handled).toEqual([]);
  });

  it('handles each event once when both accept it at the same time', async () => {
    const path = await inboxPath();
    const first = await LmdbProcess.start(path);
    const second = await LmdbProcess.start(path);
    const entries = namesOf('twin', 40).map(entryNamed);

    await Promise.all(
      entries.flatMap(entry => [first.accept(entry), second.accept(entry)]),
    );
    await first.idle();

    expect(first.handled.toSorted()).toEqual(namesOf('twin', 40).toSorted());
    expect(second.handled).toEqual([]);
  });

  it('takes over the pending events within two seconds when the owner is killed', async () => {
    const path = await inboxPath();
    const first = await LmdbProcess.start(path, { isHanging: true });
    const second = await LmdbProcess.start(path);
    const names = namesOf('event', 30);
    for (const name of names) await second.accept(entryNamed(name));
    await expect.poll(() => first.handled).toHaveLength(5);
    expect(second.handled).toEqual([]);

    await first.kill();

    await expect
      .poll(() => second.handled.toSorted())
      .toEqual(names.toSorted());
    await second.idle();
  });

  it('takes over when the owner is stopped', async () => {
    const path = await inboxPath();
    const first = await LmdbProcess.start(path);
    const second = await LmdbProcess.start(path);
    await first.accept(entryNamed('before'));
    await first.idle();

    await first.stop();
    await second.accept(entryNamed('after'));

    await expect.poll(() => second.handled).toEqual(['after']);
    expect(first.handled).toEqual(['before']);
  });

  it('makes exactly one of several processes take over', async () => {
    const path = await inboxPath();
    const first = await LmdbProcess.start(path, { isHanging: true });
    const others = await Promise.all(
      [1, 2, 3].map(() => LmdbProcess.start(path)),
    );
    const names = namesOf('event', 20);
    for (const name of names) await others[0]!.accept(entryNamed(name));
    await first.kill();

    await others[2]!.idle();

    const handled = others.flatMap(process => process.handled);
    expect(handled.toSorted()).toEqual(names.toSorted());
    expect(others.filter(process => process.handled.length > 0)).toHaveLength(
      1,
    );
  });

  it('removes the sockets of killed processes', async () => {
    const path = await inboxPath();
    const owner = await LmdbProcess.start(path);
    const follower = await LmdbProcess.start(path);
    await follower.kill();
    await owner.kill();
    const last = await LmdbProcess.start(path);

    await expect.poll(async () => await socketsIn(path)).toHaveLength(1);
    await last.stop();
    expect(await socketsIn(path)).toEqual([]);
  });

  it('works in a folder whose path is too long for a socket', async () => {
    const path = join(await temporaryFolder(), 'long'.repeat(30), 'inbox');
    const first = await LmdbProcess.start(path);
    const second = await LmdbProcess.start(path);
    await second.accept(entryNamed('one'));
    await second.idle();
    expect(first.handled).toEqual(['one']);

    await first.kill();
    await second.accept(entryNamed('two'));
    await second.idle();

    expect(second.handled).toEqual(['two']);
    expect(await socketsIn(path)).toEqual([]);
  });
});

describe('LmdbInbox after the socket of the owner was removed', () => {
  it('continues with processes that are already connected', async () => {
    const path = await inboxPath();
    const first = await LmdbProcess.start(path);
    const second = await LmdbProcess.start(path);
    for (const name of await socketsIn(path)) await rm(join(path, name));

    await second.accept(entryNamed('one'));
    await second.idle();

    expect(first.handled).toEqual(['one']);
    expect(first.logged).toEqual([]);
    expect(second.logged).toEqual([]);
  });

  it('yields to the next process, logs it and loses no event', async () => {
    const path = await inboxPath();
    const first = await LmdbProcess.start(path);
    await first.accept(entryNamed('before'));
    await first.idle();
    for (const name of await socketsIn(path)) await rm(join(path, name));

    const second = await LmdbProcess.start(path);
    await expect
      .poll(() => first.logged)
      .toEqual([
        expect.stringContaining('Check that nothing removes the socket file'),
      ]);
    const names = namesOf('after', 20);
    for (const name of names) await first.accept(entryNamed(name));
    await first.idle();

    expect(second.handled.toSorted()).toEqual(names.toSorted());
    expect(first.handled).toEqual(['before']);
  });
});

describe('two instances of LmdbInbox in one process with one folder', () => {
  it('hand over like two processes', async () => {
    const harness = await LmdbHarness.create();
    const by: string[] = [];
    const first = await harness.start(() => void by.push('first'));
    const second = await harness.start(() => void by.push('second'));

    await second.accept(delivery([datedEvent()]));
    await second.idle();
    await harness.stop(first);
    await second.accept(delivery([datedEvent()]));
    await second.idle();

    expect(by).toEqual(['first', 'second']);
  });

  it('handle nothing after stop(), even during a takeover', async () => {
    const harness = await LmdbHarness.create();
    for (let rounds = 0; rounds < 4; rounds++) {
      const { opened, open } = createLatch();
      const first = await harness.start(() => opened);
      const by: string[] = [];
      const second = await harness.start(() => void by.push('second'));
      await first.accept(delivery([datedEvent()]));
      await harness.stop(first, 0);
      await harness.stop(second);
      const handled = by.length;
      open();

      const third = await harness.start();
      await third.idle();
      await harness.stop(third);

      expect(by).toHaveLength(handled);
    }
    expect(harness.logs.ofXenioo('error')).toEqual([]);
  });
});

describe('LmdbOwnership', () => {
  it('shows the next owner a clean stop although it stops while it becomes the owner', async () => {
    const folder = await LmdbFolder.open(await inboxPath());
    onTestFinished(async () => void (await folder.close(10_000)));
    const commit = new GroupCommit(folder);
    const crashes: boolean[] = [];
    const open = () =>
      new LmdbOwnership(folder, commit, {
        onOwned: async hasCrashed => void crashes.push(hasCrashed),
        onLost: () => {},
        onNotified: () => {},
      });
    const first = open();
    const { write } = LmdbFolder.prototype;
    let stopped: Promise<void> | undefined;
    vi.spyOn(LmdbFolder.prototype, 'write').mockImplementationOnce(
      async function (this: LmdbFolder, ...values) {
        stopped = first.stop();
        await write.apply(this, values);
      },
    );
    await first.start();
    await stopped;

    const second = open();
    await second.start();
    await second.stop();

    expect(crashes.at(-1)).toBe(false);
  });
});
