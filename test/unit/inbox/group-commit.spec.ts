import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { CommitTimeout, GroupCommit } from '../../../lib/inbox/group-commit.js';
import type { Batch } from '../../../lib/lmdb/lmdb.batch.js';
import { gate } from '../../../lib/testing/inbox-contract.fixtures.js';

/** A folder that notes what was committed together, and does what the test says before each commit. */
function folderThat(before: (works: readonly string[]) => unknown = () => {}) {
  const commits: string[][] = [];
  let works: string[] = [];
  return {
    commits,
    /** What a write does. */
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

describe('what is written at the same time', () => {
  it('is committed together, after what is under way', async () => {
    const first = gate();
    const folder = folderThat(works =>
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

  it('is told when it is committed, and not before', async () => {
    const { opened, open } = gate();
    const folder = folderThat(() => opened);
    const told: string[] = [];
    const written = new GroupCommit(folder)
      .write(folder.work('one'))
      .then(() => told.push('written'));

    await new Promise(setImmediate);
    expect(told).toEqual([]);
    open();
    await written;

    expect(folder.commits).toEqual([['one']]);
  });
});

describe('what is written as soon as a commit has ended', () => {
  it('is committed too', async () => {
    const folder = folderThat();
    const commit = new GroupCommit(folder);

    await commit.write(folder.work('one'));
    await commit.write(folder.work('two'));

    expect(folder.commits).toEqual([['one'], ['two']]);
  });

  it('is waited for at the end', async () => {
    const folder = folderThat();
    const commit = new GroupCommit(folder);

    await commit.write(folder.work('one'));
    void commit.write(folder.work('two'));
    await commit.flush();

    expect(folder.commits).toEqual([['one'], ['two']]);
  });
});

describe('with a commit that gathers', () => {
  const gathering = (before?: (works: readonly string[]) => unknown) => {
    const folder = folderThat(before);
    return { folder, commit: new GroupCommit(folder, { gathers: true }) };
  };

  it('commits what comes in one turn of the event loop together, the first too', async () => {
    const { folder, commit } = gathering();

    const writes = ['one', 'two'].map(name => commit.write(folder.work(name)));
    await Promise.resolve();
    writes.push(commit.write(folder.work('three')));
    await Promise.all(writes);

    expect(folder.commits).toEqual([['one', 'two', 'three']]);
  });

  it('gathers anew for what comes later', async () => {
    const { folder, commit } = gathering();
    await commit.write(folder.work('early'));

    await Promise.all(
      ['one', 'two'].map(name => commit.write(folder.work(name))),
    );

    expect(folder.commits).toEqual([['early'], ['one', 'two']]);
  });

  it('commits what comes during a commit after it', async () => {
    const { opened, open } = gate();
    const { folder, commit } = gathering(works =>
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

  it('commits what it has at the end', async () => {
    const { folder, commit } = gathering();

    void commit.write(folder.work('one'));
    await commit.flush();

    expect(folder.commits).toEqual([['one']]);
  });
});

describe('what nobody waits for', () => {
  it('waits for others to join it', async () => {
    const folder = folderThat();
    const commit = new GroupCommit(folder);

    const soon = commit.writeSoon(folder.work('record'));
    await new Promise(setImmediate);
    const now = commit.write(folder.work('call'));
    await Promise.all([soon, now]);

    expect(folder.commits).toEqual([['record', 'call']]);
  });

  it('is written without others too, more of it at once', async () => {
    const folder = folderThat();
    const commit = new GroupCommit(folder);

    await Promise.all(
      ['one', 'two', 'three'].map(name => commit.writeSoon(folder.work(name))),
    );
    await commit.writeSoon(folder.work('four'));

    expect(folder.commits).toEqual([['one', 'two', 'three'], ['four']]);
  });

  it('is written at the end', async () => {
    const folder = folderThat();
    const commit = new GroupCommit(folder);

    void commit.writeSoon(folder.work('record'));
    await commit.flush();

    expect(folder.commits).toEqual([['record']]);
  });
});

describe('when a group can’t be committed', () => {
  it('tries each of it alone', async () => {
    const first = gate();
    const folder = folderThat(async works => {
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

  it('goes on with what comes afterwards', async () => {
    let isFull = true;
    const folder = folderThat(() => {
      if (isFull) throw full;
    });
    const commit = new GroupCommit(folder);

    await expect(commit.write(folder.work('one'))).rejects.toBe(full);
    isFull = false;
    await commit.write(folder.work('two'));

    expect(folder.commits).toEqual([['two']]);
  });
});

describe('when a commit fails and nobody in it is at fault', () => {
  /** A folder whose commits of more than the first fail. */
  const failing = (isAtFault: (error: unknown) => boolean) => {
    const first = gate();
    let tries = 0;
    const folder = folderThat(async works => {
      if (works.includes('first')) return first.opened;
      tries++;
      throw full;
    });
    return { ...first, folder: { ...folder, isAtFault }, tries: () => tries };
  };

  it('tells each of it, and tries none alone', async () => {
    const { folder, open, tries } = failing(() => false);
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

  it('asks the writer about the very error', async () => {
    const asked: unknown[] = [];
    const { folder, open, tries } = failing(error => {
      asked.push(error);
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

    expect(new Set(asked)).toEqual(new Set([full]));
    // Together, then each alone.
    expect(tries()).toBe(3);
  });
});

describe('with several commits at once', () => {
  /** A folder whose commits end when the test says so, by what is first in them. */
  const gated = () => {
    const gates = new Map<string, ReturnType<typeof gate>>();
    const folder = folderThat(works => {
      const opened = gate();
      gates.set(works[0]!, opened);
      return opened.opened;
    });
    return {
      folder,
      underWay: () => [...gates.keys()],
      end: (first: string) => gates.get(first)!.open(),
    };
  };

  it('begins no more than may be under way', async () => {
    const { folder, underWay, end } = gated();
    const commit = new GroupCommit(folder, { atOnce: 2 });

    const writes = ['one', 'two', 'three', 'four'].map(name =>
      commit.write(folder.work(name)),
    );
    expect(underWay()).toEqual(['one', 'two']);
    end('two');
    await writes[1];
    await expect.poll(underWay).toEqual(['one', 'two', 'three']);
    end('one');
    end('three');
    await Promise.all(writes);

    expect(folder.commits).toEqual([['two'], ['one'], ['three', 'four']]);
  });

  it('tells each write of its own commit', async () => {
    const { folder, end } = gated();
    const commit = new GroupCommit(folder, { atOnce: 2 });
    const told: string[] = [];

    const writes = ['one', 'two'].map(async name => {
      await commit.write(folder.work(name));
      told.push(name);
    });
    end('two');
    await writes[1];
    expect(told).toEqual(['two']);
    end('one');
    await writes[0];

    expect(told).toEqual(['two', 'one']);
  });

  it('ends when all of them have ended', async () => {
    const { folder, end } = gated();
    const commit = new GroupCommit(folder, { atOnce: 3 });
    let hasEnded = false;

    void commit.write(folder.work('one'));
    void commit.write(folder.work('two'));
    const ended = commit.flush().then(() => (hasEnded = true));
    end('one');
    await new Promise(setImmediate);
    expect(hasEnded).toBe(false);
    end('two');
    await ended;

    expect(folder.commits.flat()).toEqual(['one', 'two']);
  });

  it('withdraws what none of them began in time', async () => {
    const { folder, end } = gated();
    const commit = new GroupCommit(folder, { atOnce: 2 });

    const writes = ['one', 'two'].map(name => commit.write(folder.work(name)));
    const late = commit.write(folder.work('late'), { timeoutMs: 10 });
    await expect(late).rejects.toThrow(CommitTimeout);
    end('one');
    end('two');
    await Promise.all(writes);
    await commit.flush();

    expect(folder.commits.flat()).toEqual(['one', 'two']);
  });
});

describe('when a commit takes longer than a write may wait', () => {
  it('withdraws what did not begin', async () => {
    const { opened, open } = gate();
    const folder = folderThat(() => opened);
    const commit = new GroupCommit(folder);

    const first = commit.write(folder.work('first'));
    const late = commit.write(folder.work('late'), { timeoutMs: 10 });
    const patient = commit.write(folder.work('patient'), { timeoutMs: 60_000 });
    await expect(late).rejects.toThrow(CommitTimeout);
    open();
    await Promise.all([first, patient]);

    expect(folder.commits).toEqual([['first'], ['patient']]);
  });

  it('waits for what began, however long it takes', async () => {
    vi.useFakeTimers();
    try {
      const { opened, open } = gate();
      const folder = folderThat(() => opened);
      const written = new GroupCommit(folder).write(folder.work('one'), {
        timeoutMs: 10,
      });

      await vi.advanceTimersByTimeAsync(60_000);
      open();
      await written;

      expect(folder.commits).toEqual([['one']]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('whatever is written, and whatever fails', () => {
  it('commits each write once, in order, or tells that it did not', async () => {
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
        const folder = folderThat(async works => {
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
