import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, it } from 'vitest';
import { BullmqAcceptance } from '../../../lib/bullmq/bullmq.acceptance.js';
import { BullmqConnection } from '../../../lib/bullmq/bullmq.connection.js';
import type {
  BullmqEngine,
  OpenEngine,
} from '../../../lib/bullmq/bullmq.engine.js';
import type { NewJob, XeniooQueue } from '../../../lib/bullmq/stored-job.js';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import {
  datedEvent,
  gate,
  undatedEvent,
} from '../../../lib/testing/inbox-bench.js';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { bullmqBench } from '../../support/bullmq-bench.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { LogRecorder } from '../../support/log-recorder.js';

class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** An engine that notes what it takes, and does what the test says before each call. */
class NotingEngine implements BullmqEngine {
  readonly name = 'Noting at nowhere';
  readonly jobsAtOnce = 1_000;
  readonly gathers = true;
  /** The ids of each call that it was asked for, and of those that it took. */
  readonly asked: string[][] = [];
  readonly taken: string[][] = [];
  readonly jobs: NewJob[] = [];
  readonly claimed: string[][] = [];
  /** How many jobs came in bulk calls. */
  inBulk = 0;
  /** How many of those that are claimed were known. */
  known = 0;
  fullAnswers = 0;

  constructor(
    private readonly before: (ids: readonly string[]) => unknown = () => {},
    readonly callsAtOnce = 1,
  ) {}

  isRefusal(error: unknown): boolean {
    return error instanceof Refusal;
  }

  async open(): Promise<OpenEngine> {
    return {
      queue: { add: this.add, addBulk: this.addBulk } as unknown as XeniooQueue,
      openWorker: () => Promise.reject(new Error('not asked for')),
      noteClaims: async (ids, _dedupe, _added, onKnown) => {
        this.claimed.push([...ids]);
        onKnown(this.known);
      },
      risks: async () => [],
      isUp: true,
      hasRoomFor: async () => this.fullAnswers-- <= 0,
      close: async () => {},
    };
  }

  private readonly add = (
    name: NewJob['name'],
    data: NewJob['data'],
    opts: NewJob['opts'],
  ) => this.take([{ name, data, opts }]);

  private readonly addBulk = async (jobs: readonly NewJob[]) => {
    await this.take(jobs);
    this.inBulk += jobs.length;
  };

  private async take(jobs: readonly NewJob[]): Promise<void> {
    const ids = jobs.map(({ opts }) => opts.jobId);
    this.asked.push(ids);
    await this.before(ids);
    this.taken.push(ids);
    this.jobs.push(...jobs);
  }
}

const DEDUPE = { ttlSeconds: 60, maxIds: 1_000 };

function accepting(
  engine: BullmqEngine,
  settings: Partial<ConstructorParameters<typeof BullmqAcceptance>[2]> = {},
) {
  const all = { dedupe: DEDUPE, acceptTimeoutMs: 5_000, ...settings };
  const connection = new BullmqConnection(engine, all.acceptTimeoutMs);
  const keeping = { removeOnFail: { age: 1 } };
  return new BullmqAcceptance(engine, connection, all, keeping);
}

const events = (count: number) =>
  Array.from({ length: count }, () => datedEvent());
const idsOf = (entries: readonly XeniooEntry[]) => entries.map(({ id }) => id);

let logs: LogRecorder;

beforeEach(() => {
  logs = new LogRecorder();
  Logger.overrideLogger(logs);
});

describe('calls that come together', () => {
  it('go in one bulk call', async () => {
    const engine = new NotingEngine();
    const acceptance = accepting(engine);
    const calls = Array.from({ length: 50 }, () => events(2));

    await Promise.all(calls.map(call => acceptance.accept(call)));

    expect(engine.taken).toEqual([idsOf(calls.flat())]);
  });

  it('go in one bulk call after the one that is under way', async () => {
    const { opened, open } = gate();
    const engine = new NotingEngine(() => opened);
    const acceptance = accepting(engine);
    const calls = Array.from({ length: 50 }, () => events(2));

    const first = acceptance.accept(calls[0]!);
    await expect.poll(() => engine.asked.length).toBe(1);
    const others = calls.slice(1).map(call => acceptance.accept(call));
    open();
    await Promise.all([first, ...others]);

    expect(engine.taken).toEqual([
      idsOf(calls[0]!),
      idsOf(calls.slice(1).flat()),
    ]);
  });

  it('go in as many side by side as the engine allows', async () => {
    const { opened, open } = gate();
    const engine = new NotingEngine(() => opened, 2);
    const acceptance = accepting(engine);
    const calls = Array.from({ length: 10 }, () => events(1));

    const accepted: Promise<void>[] = [];
    for (const call of calls) {
      accepted.push(acceptance.accept(call));
      await new Promise(setImmediate);
    }
    await expect.poll(() => engine.asked.length).toBe(2);
    open();
    await Promise.all(accepted);

    expect(engine.asked.map(ids => ids.length)).toEqual([1, 1, 8]);
    expect(engine.taken.flat().toSorted()).toEqual(
      idsOf(calls.flat()).toSorted(),
    );
  });

  it('are few bulk calls, however many they are', async () => {
    const engine = new NotingEngine();
    const acceptance = accepting(engine);

    await Promise.all(
      Array.from({ length: 500 }, () => acceptance.accept(events(1))),
    );

    expect(engine.taken.flat()).toHaveLength(500);
    expect(engine.taken.length).toBeLessThan(5);
  });
});

describe('an entry that comes alone', () => {
  it('is added without a bulk call, and others with one', async () => {
    const engine = new NotingEngine();
    const acceptance = accepting(engine);
    const [alone, several] = [events(1), events(2)];

    await acceptance.accept(alone);
    expect(engine.inBulk).toBe(0);
    await acceptance.accept(several);

    expect(engine.inBulk).toBe(2);
    expect(engine.taken).toEqual([idsOf(alone), idsOf(several)]);
    expect(engine.claimed).toEqual([idsOf(alone), idsOf(several)]);
  });
});

describe('a call of many entries', () => {
  it('goes in chunks, one after another', async () => {
    const engine = new NotingEngine();
    const entries = events(3_000);

    await accepting(engine).accept(entries);

    expect(engine.taken.map(ids => ids.length)).toEqual([1_000, 1_000, 1_000]);
    expect(engine.taken.flat()).toEqual(idsOf(entries));
  });

  it('goes in the order of their dates', async () => {
    const engine = new NotingEngine();
    const later = datedEvent('one', '2024-05-01T12:00:00.0000002+00:00');
    const earlier = datedEvent('one', '2024-05-01T12:00:00.0000001+00:00');

    await accepting(engine).accept([later, earlier]);

    expect(engine.taken).toEqual([idsOf([earlier, later])]);
  });

  it('is not accepted before the last chunk is', async () => {
    const { opened, open } = gate();
    const engine = new NotingEngine(() =>
      engine.asked.length === 3 ? opened : undefined,
    );
    let isAccepted = false;

    const accepted = accepting(engine)
      .accept(events(3_000))
      .then(() => (isAccepted = true));
    await expect.poll(() => engine.taken.length).toBe(2);
    await new Promise(setImmediate);
    expect(isAccepted).toBe(false);
    open();
    await accepted;

    expect(engine.taken).toHaveLength(3);
  });
});

describe('when the engine refuses what it was given', () => {
  it('refuses the call at fault alone, at once', async () => {
    const first = gate();
    const [good, bad, better] = [events(2), events(2), events(2)];
    const poison = bad[1]!.id;
    const engine = new NotingEngine(async ids => {
      if (engine.asked.length === 1) await first.opened;
      if (ids.includes(poison)) throw new Refusal('it holds SeCrEt');
    });
    const acceptance = accepting(engine);

    const begun = acceptance.accept(events(1));
    await expect.poll(() => engine.asked.length).toBe(1);
    const accepted = [good, bad, better].map(call => acceptance.accept(call));
    first.open();
    const outcomes = await Promise.allSettled([begun, ...accepted]);

    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(engine.taken.slice(1)).toEqual([idsOf(good), idsOf(better)]);
    expect(logs.ofXenioo('error')).toEqual([]);
  });

  it('tells why, and nothing of what the error holds', async () => {
    const engine = new NotingEngine(() => {
      throw Object.assign(new Refusal('too large'), { args: ['SeCrEt'] });
    });

    const error: unknown = await accepting(engine)
      .accept(events(1))
      .catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(XeniooInboxError);
    expect(error).toMatchObject({
      message: 'the BullMQ inbox, Noting at nowhere: too large',
    });
    expect((error as Error).cause).toBe(undefined);
    expect(Object.values(error as object)).not.toContain('SeCrEt');
  });
});

describe('an outage', () => {
  it('is waited for, and told once', async () => {
    let isDown = true;
    const engine = new NotingEngine(() => {
      if (isDown) throw new Error('connection lost');
    });
    const accepted = accepting(engine).accept(events(1));

    await expect.poll(() => engine.asked.length).toBeGreaterThan(2);
    isDown = false;
    await accepted;

    expect(engine.taken).toHaveLength(1);
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(/^Noting at nowhere does not do.*connection lost/),
    ]);
    expect(logs.ofXenioo('log')).toEqual([
      'Noting at nowhere does what it should again.',
    ]);
  });

  it('ends in an error within `acceptTimeoutMs`', async () => {
    const engine = new NotingEngine(() => {
      throw new Error('connection lost');
    });
    const acceptance = accepting(engine, { acceptTimeoutMs: 400 });
    const from = performance.now();

    const refused = [1, 2, 3].map(() => acceptance.accept(events(1)));

    for (const call of refused) {
      await expect(call).rejects.toThrow(XeniooInboxError);
    }
    // Not one after another.
    expect(performance.now() - from).toBeLessThan(800);
    expect(engine.taken).toEqual([]);
  });

  it('of an engine that is silent ends in an error too', async () => {
    const { opened, open } = gate();
    const engine = new NotingEngine(() => opened);
    const acceptance = accepting(engine, { acceptTimeoutMs: 100 });

    const [first, second] = [events(1), events(1)];
    const refused = [acceptance.accept(first)];
    await expect.poll(() => engine.asked.length).toBe(1);
    refused.push(acceptance.accept(second));

    for (const call of refused) {
      await expect(call).rejects.toThrow(
        new XeniooInboxError(
          'the BullMQ inbox, Noting at nowhere: it took nothing within 100 ms (`acceptTimeoutMs`)',
        ),
      );
    }
    open();
    await acceptance.accept([]);
    // What was begun may be taken; what was not is never offered.
    expect(engine.taken.flat()).toEqual(idsOf(first));
  });

  it('of an engine that was never there ends in an error too', async () => {
    const engine = new NotingEngine();
    engine.open = () => new Promise(() => {});
    const acceptance = accepting(engine, { acceptTimeoutMs: 100 });

    await expect(acceptance.accept(events(1))).rejects.toThrow(
      XeniooInboxError,
    );
  });
});

describe('an engine that is full', () => {
  it('is given nothing, and calls wait until there is room', async () => {
    const engine = new NotingEngine();
    engine.fullAnswers = 2;

    await accepting(engine).accept(events(1));

    expect(engine.taken).toHaveLength(1);
    expect(engine.fullAnswers).toBeLessThan(0);
  });

  it('refuses calls after `acceptTimeoutMs`', async () => {
    const engine = new NotingEngine();
    engine.fullAnswers = Infinity;
    const acceptance = accepting(engine, { acceptTimeoutMs: 250 });

    await expect(acceptance.accept(events(1))).rejects.toThrow(
      XeniooInboxError,
    );
    expect(engine.asked).toEqual([]);
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringContaining('it is full'),
    ]);
  });
});

describe('what is claimed', () => {
  it('are the ids of what has a date, for as long as told', async () => {
    const engine = new NotingEngine();
    const [dated, undated] = [datedEvent(), undatedEvent()];

    await accepting(engine).accept([dated, undated]);

    expect(engine.claimed).toEqual([[dated.id]]);
    expect(engine.jobs.map(({ opts }) => opts.deduplication)).toEqual([
      { id: dated.id, ttl: 60_000 },
      undefined,
    ]);
  });

  it('is counted where it was known', async () => {
    const engine = new NotingEngine();
    engine.known = 2;

    await accepting(engine).accept(events(3));

    expect(logs.ofXenioo('debug')).toEqual([
      expect.stringContaining('Dropped 2 entries'),
    ]);
  });

  it('is nothing where nothing is dropped, and twins go side by side', async () => {
    const engine = new NotingEngine();
    const event = datedEvent();
    const acceptance = accepting(engine, { dedupe: false });

    await acceptance.accept([event, event]);
    await acceptance.accept([event]);

    expect(engine.claimed).toEqual([]);
    expect(engine.jobs.map(({ opts }) => opts.deduplication)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(new Set(engine.taken.flat()).size).toBe(3);
  });

  it('is nothing of what is put back', async () => {
    const engine = new NotingEngine();
    const event = datedEvent();

    await accepting(engine).addRestored([event]);

    expect(engine.claimed).toEqual([]);
    expect(engine.jobs[0]!.opts).toMatchObject({ jobId: event.id });
    expect(engine.jobs[0]!.opts).not.toHaveProperty('deduplication');
  });
});

describe.each(['redis', 'postgres'] as const)('in %s', name => {
  describeEngine(name, 'a call of 3,000 entries', () => {
    it('is all there when it is answered, each entry once', async () => {
      const { bench, open } = await bullmqBench(name);
      const inbox = await bench.open({ acceptTimeoutMs: 20_000 });
      const entries = events(3_000);

      await inbox.accept({ entries: [...entries, ...entries.slice(0, 10)] });

      const jobs = await open.queue.getJobs(['waiting'], 0, 5_000, true);
      expect(jobs.map(({ id }) => id)).toEqual(idsOf(entries));
    }, 30_000);
  });
});
