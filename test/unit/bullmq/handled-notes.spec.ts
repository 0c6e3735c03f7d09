import { describe, expect, it } from 'vitest';
import { HandledNotes } from '../../../lib/bullmq/handled-notes.js';
import type {
  JobState,
  StoredJob,
  XeniooJob,
} from '../../../lib/bullmq/stored-job.js';
import { gate } from '../../../lib/testing/inbox-bench.js';

const FRESH: JobState = { failures: [], timesFailed: 0 };

/** A job that notes what is written of it, and does what the test says before each write. */
function jobThat(before: (write: number) => unknown = () => {}) {
  const written: JobState[] = [];
  let writes = 0;
  const job = {
    data: { entry: 'entry' },
    async updateData({ entry, state }: StoredJob) {
      expect(entry).toBe('entry');
      await before(++writes);
      written.push(JSON.parse(state!) as JobState);
    },
  };
  return {
    job: job as unknown as XeniooJob,
    written,
    /** Which handlers were done, write by write. */
    done: () => written.map(({ progress }) => progress?.done),
  };
}

const turn = () => new Promise(setImmediate);

describe('a handler that is done while others run', () => {
  it('is on record, beside what was there before', async () => {
    const { job, written } = jobThat();
    const failures = [{ handler: 'D', attempts: 1, error: { message: 'x' } }];
    const notes = new HandledNotes(job, {
      progress: { attempted: false, done: ['A'], failed: [] },
      failures,
      timesFailed: 2,
    });

    notes.add('B');
    await notes.end();

    expect(written).toEqual([
      {
        progress: { attempted: false, done: ['A', 'B'], failed: [] },
        failures,
        timesFailed: 2,
      },
    ]);
  });

  it('is not written by a retry', async () => {
    const { job, written } = jobThat();
    const notes = new HandledNotes(job, {
      ...FRESH,
      progress: { attempted: true, done: ['A'], failed: [] },
    });

    notes.add('B');
    await turn();
    await notes.end();

    expect(written).toEqual([]);
  });
});

describe('handlers that are done one after another', () => {
  it('are written one write at a time, the last with all of them', async () => {
    const gates = [gate(), gate()];
    const { job, done } = jobThat(write => gates[write - 1]?.opened);
    const notes = new HandledNotes(job, FRESH);

    notes.add('A');
    notes.add('B');
    notes.add('C');
    gates[0]!.open();
    await expect.poll(done).toEqual([['A']]);
    notes.add('D');
    gates[1]!.open();

    await expect
      .poll(done)
      .toEqual([['A'], ['A', 'B', 'C'], ['A', 'B', 'C', 'D']]);
    await notes.end();
  });

  it('are written again after a pause', async () => {
    const { job, done } = jobThat();
    const notes = new HandledNotes(job, FRESH);

    notes.add('A');
    await expect.poll(done).toEqual([['A']]);
    await turn();
    notes.add('B');
    await expect.poll(done).toEqual([['A'], ['A', 'B']]);
    await notes.end();
  });
});

describe('at the end', () => {
  it('waits for what is being written, and writes nothing more', async () => {
    const { opened, open } = gate();
    const { job, done } = jobThat(() => opened);
    const notes = new HandledNotes(job, FRESH);
    notes.add('A');
    notes.add('B');
    let hasEnded = false;

    const ended = notes.end().then(() => (hasEnded = true));
    await turn();
    expect(hasEnded).toBe(false);
    open();
    await ended;
    await turn();

    expect(done()).toEqual([['A']]);
  });

  it('takes no handler that is done afterwards', async () => {
    const { job, written } = jobThat();
    const notes = new HandledNotes(job, FRESH);

    await notes.end();
    notes.add('A');
    await turn();

    expect(written).toEqual([]);
  });
});

describe('a write that fails', () => {
  it('is no error, and the next one has it', async () => {
    const { job, done } = jobThat(write => {
      if (write === 1) throw new Error('down');
    });
    const notes = new HandledNotes(job, FRESH);

    notes.add('A');
    notes.add('B');
    await expect.poll(done).toEqual([['A', 'B']]);

    await expect(notes.end()).resolves.toBe(undefined);
  });

  it('is no error when nothing follows', async () => {
    const { job, written } = jobThat(() => {
      throw new Error('down');
    });
    const notes = new HandledNotes(job, FRESH);

    notes.add('A');

    await expect(notes.end()).resolves.toBe(undefined);
    expect(written).toEqual([]);
  });
});
