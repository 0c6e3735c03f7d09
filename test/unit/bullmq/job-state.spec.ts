import { UnrecoverableError } from 'bullmq';
import { describe, expect, it, vi } from 'vitest';
import {
  reasonOf,
  settledState,
  takenUp,
} from '../../../lib/bullmq/job-state.js';
import {
  inState,
  type JobState,
  type XeniooJob,
} from '../../../lib/bullmq/stored-job.js';
import { InvalidXeniooEntry } from '../../../lib/events/invalid-xenioo.entry.js';
import type { XeniooEvent } from '../../../lib/events/xenioo.event.js';
import { XeniooHandlerFailure } from '../../../lib/handlers/xenioo-handler.failure.js';
import { storeEntry } from '../../../lib/inbox/stored-entry.js';
import {
  datedEvent,
  givenUp,
  settled,
  toBeRetried,
} from '../../../lib/testing/inbox-bench.js';
import { bullmqBench } from '../../support/bullmq-bench.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { eventOf, invalidOf, receipt } from '../../support/receipt.js';
import { progress, settlement } from '../../support/settlement.js';

const event = eventOf({ Type: 1, Data: 'hello' });
const FRESH: JobState = { failures: [], timesFailed: 0, timesStalled: 0 };
const failure = (handler: string, message = `${handler} is broken`) => ({
  handler,
  attempts: 3,
  error: { message },
});
/** Handlers that are to run from anew, and no other. */
const anew = (...handlers: string[]) => ({
  attempted: true,
  done: [],
  failed: handlers.map(handler => ({ handler, attempts: 0, retryAt: 0 })),
});

function jobOf(
  state?: JobState,
  attemptsMade = 0,
  stalledCounter = 0,
): XeniooJob {
  const data = { entry: storeEntry(event) };
  const { id } = event;
  const fresh = { id, data, attemptsMade, stalledCounter };
  const job = fresh as XeniooJob;
  return state ? ({ ...fresh, data: inState(job, state) } as XeniooJob) : job;
}

describe('a job that is taken up', () => {
  it('is refused when somebody else put it there, whatever it looks like', () => {
    const job = jobOf();
    job.id = 'another';

    expect(() => takenUp(job)).toThrow(/holds no entry as nestjs-xenioo/);
  });

  it('is its entry, of which nothing was done, the first time', () => {
    expect(takenUp(jobOf())).toStrictEqual({ entry: event, before: FRESH });
  });

  it('goes on where its last attempt ended', () => {
    const state: JobState = {
      progress: progress({
        done: ['Crm.save'],
        failed: [{ handler: 'Crm.tell', attempts: 1, retryAt: 5 }],
      }),
      failures: [failure('Desk.ring')],
      deadLetteredAt: 4,
      timesFailed: 0,
      timesStalled: 0,
    };

    expect(takenUp(jobOf(state)).before).toEqual(state);
  });

  it('goes on after the handlers that were done when its process ended', () => {
    const state: JobState = {
      ...FRESH,
      progress: progress({ attempted: false, done: ['Crm.save'] }),
    };

    expect(takenUp(jobOf(state)).before).toEqual(state);
  });

  it('comes to its end when its process ended just before that', () => {
    const state: JobState = {
      progress: progress(),
      failures: [failure('Crm.save')],
      deadLetteredAt: 4,
      timesFailed: 0,
      timesStalled: 1,
    };

    expect(takenUp(jobOf(state, 0, 2)).before).toEqual({
      ...state,
      timesStalled: 2,
    });
  });
});

describe('a dead letter that is taken up', () => {
  const letter: JobState = {
    progress: progress({ done: ['Crm.count'] }),
    failures: [failure('Crm.save'), failure('Desk.ring')],
    deadLetteredAt: 4,
    timesFailed: 0,
    timesStalled: 0,
  };

  it.each([
    ['put it back', 1],
    ['put it back as if it had never failed', 0],
  ])('runs the handlers that gave up, when a dashboard %s', (_, times) => {
    expect(takenUp(jobOf(letter, times)).before).toEqual({
      progress: anew('Crm.save', 'Desk.ring'),
      failures: [],
      deadLetteredAt: 4,
      timesFailed: times,
      timesStalled: 0,
    });
  });

  it('runs those that are replayed, and stays for the others', () => {
    const replay = { handlers: ['Crm.save'] };

    expect(takenUp(jobOf({ ...letter, replay }, 1)).before).toEqual({
      progress: anew('Crm.save'),
      failures: [failure('Desk.ring')],
      deadLetteredAt: 4,
      timesFailed: 1,
      timesStalled: 0,
    });
  });

  it('runs all that gave up where a replay names none', () => {
    expect(takenUp(jobOf({ ...letter, replay: {} }, 1)).before).toMatchObject({
      progress: anew('Crm.save', 'Desk.ring'),
      failures: [],
    });
  });

  it('runs every handler where it failed before its first attempt ended', () => {
    expect(takenUp(jobOf(undefined, 1)).before).toEqual({
      ...FRESH,
      timesFailed: 1,
    });
  });

  it('runs those that were not done where its process ended again and again', () => {
    const ended = progress({ attempted: false, done: ['Crm.save'] });

    expect(
      takenUp(jobOf({ ...FRESH, progress: ended }, 1)).before.progress,
    ).toEqual(ended);
  });

  it('goes on with the replay after its first attempt', () => {
    const replayed: JobState = {
      progress: progress({
        failed: [{ handler: 'Crm.save', attempts: 1, retryAt: 9 }],
      }),
      failures: [failure('Desk.ring')],
      timesFailed: 1,
      timesStalled: 0,
    };

    expect(takenUp(jobOf(replayed, 1)).before).toEqual(replayed);
  });

  it('is what an invalid entry turned out to be', () => {
    const replay = { entries: [storeEntry(event)] };

    expect(takenUp(jobOf({ ...FRESH, replay }, 1)).before.replay).toEqual(
      replay,
    );
  });
});

describe('a job that somebody else put there', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['another object', { to: 'SeCrEt@example.com' }],
    ['text that is no JSON', { entry: 'SeCrEt' }],
    ['an entry without what belongs to it', { entry: 'null' }],
    ['a state that is no JSON', { ...jobOf().data, state: 'SeCrEt' }],
  ])('fails for good, and nothing of it is shown: %s', (_, data) => {
    const take = () => takenUp({ data, attemptsMade: 0 } as XeniooJob);

    expect(take).toThrow(
      new UnrecoverableError(
        'it holds no entry as nestjs-xenioo puts it into the queue',
      ),
    );
  });
});

describe('the state after an attempt', () => {
  it('is the progress, where no handler gave up', () => {
    const done = progress({ done: ['Crm.save'] });

    expect(settledState(event, FRESH, settlement({ progress: done }))).toEqual({
      ...FRESH,
      progress: done,
    });
  });

  it('keeps the dead letter that there was, and forgets what was replayed', () => {
    const before: JobState = {
      failures: [failure('Desk.ring')],
      deadLetteredAt: 4,
      timesFailed: 2,
      replay: { handlers: ['Crm.save'] },
    };

    expect(settledState(event, before, settlement())).toEqual({
      progress: progress(),
      failures: [failure('Desk.ring')],
      deadLetteredAt: 4,
      timesFailed: 2,
    });
  });

  it('has the handlers that gave up, each once with its last error', () => {
    const before: JobState = {
      failures: [failure('Desk.ring'), failure('Crm.save', 'an older error')],
      deadLetteredAt: 4,
      timesFailed: 2,
    };
    const failures = [
      new XeniooHandlerFailure(event, 'Crm.save', new Error('down'), 3),
    ];
    const startedAt = Date.now();

    const state = settledState(event, before, settlement({ failures }));

    expect(state.failures).toMatchObject([
      failure('Desk.ring'),
      failure('Crm.save', 'down'),
    ]);
    expect(state.deadLetteredAt).toBeGreaterThanOrEqual(startedAt);
    expect(state.timesFailed).toBe(2);
  });
});

describe('why a job failed', () => {
  it('is what its handlers threw', () => {
    const failures = [
      failure('Crm.save', 'down'),
      {
        ...failure('Desk.ring', 'gone'),
        error: { message: 'gone', stack: 'Error: gone\n  at desk.ts' },
      },
    ];
    const reason = reasonOf(event, { failures, timesFailed: 0 });

    expect(reason).toBeInstanceOf(UnrecoverableError);
    expect(reason.message).toBe('Crm.save: down; Desk.ring: gone');
    expect(reason.stack).toBe('Error: gone\n  at desk.ts');
  });

  it('is what is wrong with an entry that was not understood', () => {
    const { message, stack } = reasonOf(invalidOf({ Type: 'x' }), FRESH);

    expect(message).toMatch(/^invalid-fields: entry 0: Type must be/);
    expect(stack).toBe('');
  });

  it('has neither NUL nor half a character', () => {
    const text = 'a\0b\uD800c\uDC00d🎉';
    const failures = [
      { ...failure('Crm.save'), error: { message: text, stack: text } },
    ];
    const { bot, receivedAt } = receipt();
    const invalid = new InvalidXeniooEntry(
      'id',
      'not-json',
      [text],
      text,
      bot.name,
      receivedAt,
    );

    const reasons = [
      reasonOf(event, { failures, timesFailed: 0 }).message,
      reasonOf(event, { failures, timesFailed: 0 }).stack,
      reasonOf(invalid, FRESH).message,
    ];

    expect(reasons).toEqual([
      'Crm.save: ab\uFFFDc\uFFFDd🎉',
      'ab\uFFFDc\uFFFDd🎉',
      'not-json: ab\uFFFDc\uFFFDd🎉',
    ]);
  });
});

describe.each(['redis', 'postgres'] as const)('in %s', name => {
  describeEngine(name, 'a handler that gave up', () => {
    it('has its error on record, whatever its text', async () => {
      const { bench } = await bullmqBench(name);
      const text = 'NUL \0, halves \uD800 and \uDC00x, __proto__, 🎉';
      const inbox = await bench.start(({ entry }) => {
        const error = Object.assign(new Error(text), { stack: text });
        return settled({
          failures: [
            new XeniooHandlerFailure(entry as XeniooEvent, text, error, 3),
          ],
        });
      });
      const given = datedEvent();

      await inbox.accept({ entries: [given] });
      await inbox.idle();

      expect(await inbox.deadLetters.get(given.id)).toMatchObject({
        failures: [
          { handler: text, attempts: 3, error: { message: text, stack: text } },
        ],
      });
    });

    it.each([
      undefined,
      { resetAttemptsMade: true },
      { resetAttemptsMade: true, resetAttemptsStarted: true },
    ])('runs again when a dashboard retries its job: %o', async options => {
      const { bench, open } = await bullmqBench(name);
      let isBroken = true;
      const inbox = await bench.start(({ entry }) =>
        isBroken ? givenUp(entry) : undefined,
      );
      const given = datedEvent();
      await inbox.accept({ entries: [given] });
      await inbox.idle();
      isBroken = false;

      const job = await open.queue.getJob(given.id);
      await job!.retry('failed', options);
      await inbox.idle();

      expect(bench.runs.map(run => run.progress)).toEqual([
        undefined,
        anew('Crm.save'),
      ]);
      expect(await inbox.deadLetters.list()).toEqual([]);
    });

    it('stays so when others are tried again', async () => {
      const { bench } = await bullmqBench(name);
      const inbox = await bench.start(({ entry, progress }) =>
        progress
          ? settled()
          : {
              ...toBeRetried(20),
              failures: givenUp(entry, ['Desk.ring']).failures,
            },
      );
      const given = datedEvent();

      await inbox.accept({ entries: [given] });
      await vi.waitFor(() => expect(bench.runs).toHaveLength(2), {
        timeout: 10_000,
      });
      await inbox.idle();

      expect(bench.runs[1]!.progress?.failed).toMatchObject([
        { handler: 'Crm.tell', attempts: 1 },
      ]);
      expect((await inbox.deadLetters.list())[0]?.failures).toMatchObject([
        { handler: 'Desk.ring' },
      ]);
    });
  });
});
