import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import {
  inState,
  isJobOf,
  jobOf,
  stateOf,
  type JobState,
  type XeniooJob,
} from '../../../lib/bullmq/stored-job.js';
import { parseBody } from '../../../lib/events/parse-body.js';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import { restoreEntry, storeEntry } from '../../../lib/inbox/stored-entry.js';
import everyType from '../../fixtures/every-type.json' with { type: 'json' };
import { anyEntryText, anyJsonText } from '../../support/any-json.js';
import { bullmqBench } from '../../support/bullmq-bench.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { isSame } from '../../support/is-same.js';
import { eventOf, invalidOf, receipt } from '../../support/receipt.js';

const KEEPING = { removeOnFail: { age: 86_400 } };
const dated = eventOf({ Type: 1, Date: '2024-05-01T12:00:00+00:00' });
const undated = eventOf({ Type: 1 });
const invalid = invalidOf({ Type: 1, Date: 'no date' });

const entriesOf = (text: string): XeniooEntry[] => [
  ...parseBody(text, receipt()),
];

describe('the job of an entry', () => {
  it.each(everyType.map(raw => eventOf(raw)))(
    'has the name of its type: $typeName',
    event => {
      expect(jobOf(event, KEEPING).name).toBe(event.typeName);
    },
  );

  it('is called invalid where it was not understood', () => {
    expect(jobOf(invalid, KEEPING).name).toBe('invalid');
  });

  it('has the id of the entry, so that people find it', () => {
    expect(jobOf(dated, KEEPING).opts.jobId).toBe(dated.id);
  });

  it.each([dated, undated, invalid])(
    'has an id that BullMQ takes',
    ({ id }) => {
      expect(id).not.toMatch(/^\d+$|:|~/);
    },
  );

  it('holds the entry and no state', () => {
    expect(jobOf(dated, KEEPING).data).toEqual({ entry: storeEntry(dated) });
  });

  it('goes when it is done, and is kept as long as told when it fails', () => {
    expect(jobOf(dated, KEEPING).opts).toEqual({
      jobId: dated.id,
      removeOnComplete: true,
      removeOnFail: { age: 86_400 },
    });
  });

  it('claims its id for a time', () => {
    const { opts } = jobOf(dated, KEEPING, { ttlMs: 60_000 });

    expect(opts.deduplication).toEqual({ id: dated.id, ttl: 60_000 });
  });

  it.each([undated, invalid])(
    'claims nothing where the same can’t be told when it comes again',
    entry => {
      expect(jobOf(entry, KEEPING, { ttlMs: 60_000 }).opts).not.toHaveProperty(
        'deduplication',
      );
    },
  );
});

describe('twins', () => {
  const jobId = (twin: string) => jobOf(dated, KEEPING, { twin }).opts.jobId;

  it('have ids of their own', () => {
    expect(jobId('a')).not.toBe(jobId('b'));
    expect(jobId('a')).not.toBe(dated.id);
  });

  it('are jobs of their entry', () => {
    expect(isJobOf(jobId('a'), dated.id)).toBe(true);
    expect(isJobOf(dated.id, dated.id)).toBe(true);
  });

  it('are no jobs of others', () => {
    expect(isJobOf(jobId('a'), undated.id)).toBe(false);
    expect(isJobOf(jobId('a'), dated.id.slice(0, -1))).toBe(false);
    expect(isJobOf(`${dated.id}x`, dated.id)).toBe(false);
    expect(isJobOf(dated.id, jobId('a'))).toBe(false);
  });
});

describe('the state of a job', () => {
  const job = (data: object) => ({ data }) as XeniooJob;

  it('is that of one that nobody attempted', () => {
    expect(stateOf(job({ entry: 'e' }))).toEqual({
      failures: [],
      timesFailed: 0,
    });
  });

  it('is the same that was put into it', () => {
    const state: JobState = {
      progress: { attempted: true, done: ['A'], failed: [] },
      failures: [
        { handler: 'B', attempts: 2, error: { message: '\0 and \uD800' } },
      ],
      deadLetteredAt: 1,
      timesFailed: 3,
      replay: { handlers: ['B'] },
    };
    const data = inState(job({ entry: 'e', state: 'before' }), state);

    expect(data.entry).toBe('e');
    expect(stateOf(job(data))).toEqual(state);
  });
});

const ODD = [
  '"\\u0000"',
  '"\\ud800"',
  '"\\udc00x"',
  '{"__proto__":{"isAdmin":true}}',
  '1e999',
  '-1e999',
  '-0',
  '9007199254740993',
  '1.10',
  '{"":{"constructor":null}}',
];

describe.each(['redis', 'postgres'] as const)('in %s', name => {
  describeEngine(name, 'entries of any JSON', () => {
    it('come out as they went in', async () => {
      const { open } = await bullmqBench(name);
      const { queue } = open;
      const body = fc.oneof(
        anyEntryText,
        anyJsonText,
        fc.string({ unit: 'binary' }),
      );
      await fc.assert(
        fc.asyncProperty(
          fc.array(body, { minLength: 10, maxLength: 40 }),
          async bodies => {
            const entries = bodies.flatMap(entriesOf);
            const jobs = entries.map(entry =>
              // The same entry may come twice in a run, and over runs.
              jobOf(entry, KEEPING, { ttlMs: 60_000, twin: randomUUID() }),
            );
            await queue.addBulk(
              jobs.map(job => ({
                ...job,
                opts: { ...job.opts, deduplication: { id: randomUUID() } },
              })),
            );
            const stored = await Promise.all(
              jobs.map(({ opts }) => queue.getJob(opts.jobId)),
            );

            const changed = entries.filter(
              (entry, index) =>
                !isSame(restoreEntry(stored[index]!.data.entry), entry),
            );
            expect(changed).toEqual([]);
          },
        ),
        { numRuns: 15 },
      );
    });

    it('leave their neighbours alone, and are handled themselves', async () => {
      const { bench } = await bullmqBench(name);
      const inbox = await bench.start();
      const entries = [
        dated,
        ...ODD.map((text, second) => {
          const name = text.startsWith('"') ? text : '"name"';
          return entriesOf(
            `{"Type":1,"Date":"2024-05-01T12:01:0${second}Z","odd":${text},${name}:1}`,
          );
        }),
        ...['broken \0 and \uD800', '5', '{"Type":"\\u0000"}'].map(entriesOf),
        undated,
      ].flat();

      await inbox.accept({ entries });
      await vi.waitFor(() => expect(bench.runs.length).toBe(entries.length), {
        timeout: 10_000,
      });

      const lost = entries.filter(
        entry => !bench.runs.some(run => isSame(run.entry, entry)),
      );
      expect(lost).toEqual([]);
    });
  });
});
