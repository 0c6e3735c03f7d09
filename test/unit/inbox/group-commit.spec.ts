import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommitTimeout, GroupCommit } from '../../../lib/inbox/group-commit.js';
import type { Batch } from '../../../lib/lmdb/lmdb.batch.js';
import { createLatch } from '../../../lib/testing/inbox-contract.fixtures.js';

/** Creates a folder that records each commit and runs `before` ahead of it. */
function createFolder(
  before: (works: readonly string[]) => unknown = () => {},
) {
  const commits: string[][] = [];
  let works: string[] = [];
  return {
    commits,
    /** Returns a write that records its name. */
    work: (name: string) => () => void works.push(name),
    async write(write: (batch: Batch) => void): Promise<void> {
      works = [];
      write(undefined as never);
      const written = works;
      await before(written);
      commits.push(written);
    },
  };
}

const full = new Error('no space left');

describe('GroupCommit', () => {
  it('commits simultaneous writes together, after the current commit', async () => {
    const first = createLatch();
    const folder = createFolder(works =>
      works.includes('first') ? first.opened : undefined,
    );
    const commit = new GroupCommit(folder);

    const writes = ['first', 'second', 'third'].map(name =>
      commit.write(folder.work(name)),
    );
    expect(folder.commits).toEqual([]);
    first.open();
    await Promise.all(writes);

    expect(folder.commits).toEqual([['first'], ['second', 'third']]);
  });

  it('resolves a write only after its commit', async () => {
    const { opened, open } = createLatch();
    const folder = createFolder(() => opened);
    const resolved: string[] = [];
    const written = new GroupCommit(folder)
      .write(folder.work('one'))
      .then(() => resolved.push('written'));

    await new Promise(setImmediate);
    expect(resolved).toEqual([]);
    open();
    await written;

    expect(folder.commits).toEqual([['one']]);
  });
});

describe('GroupCommit after a commit', () => {
  it('commits a new write', async () => {
    const folder = createFolder();
    const commit = new GroupCommit(folder);

    await commit.write(folder.work('one'));
    await commit.write(folder.work('two'));

    expect(folder.commits).toEqual([['one'], ['two']]);
  });

  it('waits for a new write in flush()', async () => {
    const folder = createFolder();
    const commit = new GroupCommit(folder);

    await commit.write(folder.work('one'));
    void commit.write(folder.work('two'));
    await commit.flush();

    expect(folder.commits).toEqual([['one'], ['two']]);
  });
});

describe('GroupCommit with `gathers`', () => {
  const createGatheringCommit = (
    before?: (works: readonly string[]) => unknown,
  ) => {
    const folder = createFolder(before);
    return { folder, commit: new GroupCommit(folder, { gathers: true }) };
  };

  it('commits all writes of one turn of the event loop together, including the first', async () => {
    const { folder, commit } = createGatheringCommit();

    const writes = ['one', 'two'].map(name => commit.write(folder.work(name)));
    await Promise.resolve();
    writes.push(commit.write(folder.work('three')));
    await Promise.all(writes);

    expect(folder.commits).toEqual([['one', 'two', 'three']]);
  });

  it('gathers the writes of a later turn', async () => {
    const { folder, commit } = createGatheringCommit();
    await commit.write(folder.work('early'));

    await Promise.all(
      ['one', 'two'].map(name => commit.write(folder.work(name))),
    );

    expect(folder.commits).toEqual([['early'], ['one', 'two']]);
  });

  it('commits writes made during a commit after it', async () => {
    const { opened, open } = createLatch();
    const { folder, commit } = createGatheringCommit(works =>
      works.includes('first') ? opened : undefined,
    );

    const first = commit.write(folder.work('first'));
    await new Promise(setImmediate);
    const others = ['one', 'two'].map(name => commit.write(folder.work(name)));
    await new Promise(setImmediate);
    open();
    await Promise.all([first, ...others]);

    expect(folder.commits).toEqual([['first'], ['one', 'two']]);
  });

  it('commits gathered writes in flush()', async () => {
    const { folder, commit } = createGatheringCommit();

    void commit.write(folder.work('one'));
    await commit.flush();

    expect(folder.commits).toEqual([['one']]);
  });
});

describe('GroupCommit.writeSoon()', () => {
  it('waits for other writes to join', async () => {
    const folder = createFolder();
    const commit = new GroupCommit(folder);

    const soon = commit.writeSoon(folder.work('record'));
    await new Promise(setImmediate);
    const now = commit.write(folder.work('call'));
    await Promise.all([soon, now]);

    expect(folder.commits).toEqual([['record', 'call']]);
  });

  it('commits several writes together without any other write', async () => {
    const folder = createFolder();
    const commit = new GroupCommit(folder);

    await Promise.all(
      ['one', 'two', 'three'].map(name => commit.writeSoon(folder.work(name))),
    );
    await commit.writeSoon(folder.work('four'));

    expect(folder.commits).toEqual([['one', 'two', 'three'], ['four']]);
  });

  it('is committed by flush()', async () => {
    const folder = createFolder();
    const commit = new GroupCommit(folder);

    void commit.writeSoon(folder.work('record'));
    await commit.flush();

    expect(folder.commits).toEqual([['record']]);
  });
});

describe('GroupCommit when a group fails', () => {
  it('retries each write alone', async () => {
    const first = createLatch();
    const folder = createFolder(async works => {
      if (works.includes('first')) await first.opened;
      if (works.includes('too large')) throw full;
    });
    const commit = new GroupCommit(folder);

    const begun = commit.write(folder.work('first'));
    const settled = Promise.allSettled(
      ['small', 'too large', 'smaller'].map(name =>
        commit.write(folder.work(name)),
      ),
    );
    first.open();
    await begun;

    expect(await settled).toEqual([
      { status: 'fulfilled', value: undefined },
      { status: 'rejected', reason: full },
      { status: 'fulfilled', value: undefined },
    ]);
    expect(folder.commits).toEqual([['first'], ['small'], ['smaller']]);
  });

  it('commits later writes', async () => {
    let isFull = true;
    const folder = createFolder(() => {
      if (isFull) throw full;
    });
    const commit = new GroupCommit(folder);

    await expect(commit.write(folder.work('one'))).rejects.toBe(full);
    isFull = false;
    await commit.write(folder.work('two'));

    expect(folder.commits).toEqual([['two']]);
  });
});

describe('GroupCommit when a commit fails for a reason outside its writes', () => {
  /** Creates a folder on which every commit after the first fails. */
  const createFailingFolder = (isAtFault: (error: unknown) => boolean) => {
    const first = createLatch();
    let tries = 0;
    const folder = createFolder(async works => {
      if (works.includes('first')) return first.opened;
      tries++;
      throw full;
    });
    return { ...first, folder: { ...folder, isAtFault }, tries: () => tries };
  };

  it('rejects each write and retries none alone', async () => {
    const { folder, open, tries } = createFailingFolder(() => false);
    const commit = new GroupCommit(folder);

    const begun = commit.write(folder.work('first'));
    const settled = Promise.allSettled(
      ['one', 'two', 'three'].map(name => commit.write(folder.work(name))),
    );
    open();
    await begun;

    expect(await settled).toEqual(
      ['one', 'two', 'three'].map(() => ({ status: 'rejected', reason: full })),
    );
    expect(tries()).toBe(1);
  });

  it('passes the error to isAtFault()', async () => {
    const seen: unknown[] = [];
    const { folder, open, tries } = createFailingFolder(error => {
      seen.push(error);
      return true;
    });
    const commit = new GroupCommit(folder);

    const begun = commit.write(folder.work('first'));
    const settled = Promise.allSettled(
      ['one', 'two'].map(name => commit.write(folder.work(name))),
    );
    open();
    await begun;
    await settled;

    expect(new Set(seen)).toEqual(new Set([full]));
    // One attempt for the group, then one for each write.
    expect(tries()).toBe(3);
  });
});

describe('GroupCommit with `timeoutMs`', () => {
  it('withdraws a write that is not part of a commit in time', async () => {
    const { opened, open } = createLatch();
    const folder = createFolder(() => opened);
    const commit = new GroupCommit(folder);

    const first = commit.write(folder.work('first'));
    const late = commit.write(folder.work('late'), { timeoutMs: 10 });
    const inTime = commit.write(folder.work('in time'), { timeoutMs: 60_000 });
    await expect(late).rejects.toThrow(CommitTimeout);
    open();
    await Promise.all([first, inTime]);

    expect(folder.commits).toEqual([['first'], ['in time']]);
  });

  it('rejects a write whose commit takes longer, and does not write it again', async () => {
    const { opened, open } = createLatch();
    const folder = createFolder(() => opened);
    const commit = new GroupCommit(folder);

    const late = commit.write(folder.work('late'), { timeoutMs: 10 });
    await expect(late).rejects.toThrow(CommitTimeout);
    open();
    await commit.flush();

    expect(folder.commits).toEqual([['late']]);
  });
});

describe('GroupCommit with any writes and errors', () => {
  it('commits each write once and in order, or rejects it', async () => {
    const anyWrite = fc.record({
      isSoon: fc.boolean(),
      fails: fc.boolean(),
      turnsBefore: fc.nat(3),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyWrite, { maxLength: 30 }), async plan => {
        const failing = new Set(
          plan.flatMap(({ fails }, index) => (fails ? [String(index)] : [])),
        );
        const folder = createFolder(async works => {
          await new Promise(setImmediate);
          if (works.some(work => failing.has(work))) throw full;
        });
        const commit = new GroupCommit(folder);
        const outcomes: Promise<string>[] = [];
        for (const [index, { isSoon, turnsBefore }] of plan.entries()) {
          for (let turn = 0; turn < turnsBefore; turn++) {
            await new Promise(setImmediate);
          }
          const work = folder.work(String(index));
          const written = isSoon ? commit.writeSoon(work) : commit.write(work);
          outcomes.push(
            written.then(
              () => 'written',
              () => 'not',
            ),
          );
        }
        await commit.flush();

        expect(await Promise.all(outcomes)).toEqual(
          plan.map(({ fails }) => (fails ? 'not' : 'written')),
        );
        expect(folder.commits.flat()).toEqual(
          plan.flatMap(({ fails }, index) => (fails ? [] : [String(index)])),
        );
      }),
      { numRuns: 50 },
    );
  });
});
