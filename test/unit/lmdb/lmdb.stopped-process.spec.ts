import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { inboxPath } from '../../support/lmdb-folder.js';
import {
  datedEvent,
  delivery,
  LmdbHarness,
  undatedEvent,
} from '../../support/lmdb-harness.js';
import { entryNamed, LmdbProcess } from '../../support/lmdb-process.js';
import { WAIT_OPTIONS } from '../../support/wait-options.js';

const LMDB = createRequire(import.meta.url).resolve('lmdb');

/** Source of a process that suspends itself (SIGSTOP) while it holds the write lock. */
const HOLDER = `
  const { open } = require(${JSON.stringify(LMDB)});
  const root = open({ path: process.argv[1], encoding: 'string', maxDbs: 16,
    cache: false, overlappingSync: false, eventTurnBatching: false });
  root.transactionSync(() => {
    console.log('locked');
    process.kill(process.pid, 'SIGSTOP');
  });
  console.log('released');
`;

/** Starts a process that is suspended while it holds the lock of a folder. */
async function holdLock(path: string) {
  const child = spawn(
    process.execPath,
    ['--eval', HOLDER, join(path, 'inbox.mdb')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return { resume: () => child.kill('SIGCONT') };
}

describe('LmdbInbox while a suspended process holds the lock of the folder', () => {
  it('answers every call in time, and handles each event once when the calls are repeated', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(undefined, { acceptTimeoutMs: 1_500 });
    const first = delivery([datedEvent()]);
    await vi.waitFor(() => inbox.accept(first), WAIT_OPTIONS);
    await inbox.idle();
    const holder = await holdLock(harness.path);
    const entries = [datedEvent(), undatedEvent(), datedEvent('ada')];

    const startedAt = performance.now();
    for (let calls = 0; calls < 2; calls++) {
      const refused = await Promise.allSettled(
        entries.map(entry => inbox.accept(delivery([entry]))),
      );
      expect(refused.map(({ status }) => status)).toEqual(
        entries.map(() => 'rejected'),
      );
    }
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    holder.resume();

    await expect
      .poll(() => inbox.accept(delivery(entries)).then(() => 'accepted'))
      .toBe('accepted');
    await inbox.idle();
    expect(harness.ids.slice(1).toSorted()).toEqual(
      entries.map(({ id }) => id).toSorted(),
    );
  });

  it('stops in bounded time', async () => {
    const harness = await LmdbHarness.create();
    const inbox = await harness.start(undefined, { acceptTimeoutMs: 50 });
    const holder = await holdLock(harness.path);
    await expect(inbox.accept(delivery([datedEvent()]))).rejects.toThrow(
      XeniooInboxError,
    );

    const startedAt = performance.now();
    await harness.stop(inbox, 100);

    expect(performance.now() - startedAt).toBeLessThan(20_000);
    holder.resume();
  });

  it('starts in bounded time, refuses calls, and accepts them once the process resumes', async () => {
    const harness = await LmdbHarness.create();
    const first = await harness.start();
    await harness.stop(first);
    const holder = await holdLock(harness.path);

    const inbox = await harness.start();
    await expect(inbox.accept(delivery([datedEvent()]))).rejects.toThrow(
      /is locked: another process that writes to it is suspended/,
    );
    expect(harness.logs.ofXenioo('error')[0]).toMatch(
      /is locked.*answered 503 until the inbox is open/,
    );

    holder.resume();
    await expect
      .poll(() => inbox.accept(delivery([datedEvent()])).catch(String))
      .toBeUndefined();
    await inbox.idle();
    expect(harness.runs).toHaveLength(1);
  });
});

describe('LmdbInbox while the owner is suspended', () => {
  it('accepts in another process, which takes over when the owner is killed', async () => {
    const path = await inboxPath();
    const owner = await LmdbProcess.start(path);
    const follower = await LmdbProcess.start(path);
    owner.freeze();

    await follower.accept(entryNamed('one'));
    await owner.kill();

    await expect.poll(() => follower.handled).toEqual(['one']);
  });
});
