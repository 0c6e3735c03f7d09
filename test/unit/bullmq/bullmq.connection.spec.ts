import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BullmqConnection } from '../../../lib/bullmq/bullmq.connection.js';
import type {
  BullmqEngine,
  OpenEngine,
} from '../../../lib/bullmq/bullmq.engine.js';
import { gate } from '../../../lib/testing/inbox-bench.js';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import { LogRecorder } from '../../support/log-recorder.js';

/** An engine that opens when the test says so. */
class SlowEngine implements BullmqEngine {
  readonly name = 'Slow at nowhere';
  readonly gathers = false;
  readonly jobsAtOnce = 1;
  readonly callsAtOnce = 1;
  timesAsked = 0;
  timesClosed = 0;

  constructor(private readonly opens: (time: number) => unknown = () => {}) {}

  isRefusal(): boolean {
    return false;
  }

  async open(): Promise<OpenEngine> {
    await this.opens(++this.timesAsked);
    return {
      queue: {} as never,
      openWorker: () => Promise.reject(new Error('not asked for')),
      noteClaims: async () => {},
      risks: async () => [],
      isUp: true,
      hasRoomFor: async () => true,
      close: async () => {
        this.timesClosed++;
      },
    };
  }
}

const down = () => {
  throw new Error('connection refused');
};

let logs: LogRecorder;

beforeEach(() => {
  logs = new LogRecorder();
  Logger.overrideLogger(logs);
});

afterEach(() => void vi.useRealTimers());

const told = () => [...logs.ofXenioo('error'), ...logs.ofXenioo('log')];

const TROUBLE =
  'Slow at nowhere does not do what it should: connection refused. It is asked again until it does; nothing that was accepted is lost.';
const WELL = 'Slow at nowhere does what it should again.';

describe('the way to an engine', () => {
  it('is open as soon as it answers, and nothing is told', async () => {
    const engine = new SlowEngine();
    const connection = new BullmqConnection(engine, 1_000);

    const opened = await connection.open();

    expect(await connection.open()).toBe(opened);
    expect(await connection.whenOpen()).toBe(opened);
    expect(engine.timesAsked).toBe(1);
    expect(logs.lines).toEqual([]);
  });

  it('is open when it answers at last; its trouble is told once, and its end', async () => {
    const engine = new SlowEngine(time => {
      if (time < 3) down();
    });
    const connection = new BullmqConnection(engine, 50);

    await expect(connection.open()).rejects.toThrow(
      new XeniooInboxError('Slow at nowhere does not answer'),
    );
    expect(told()).toEqual([TROUBLE]);
    const opened = await connection.whenOpen();

    expect(engine.timesAsked).toBe(3);
    expect(await connection.open()).toBe(opened);
    expect(told()).toEqual([TROUBLE, WELL]);
  });

  it('is not waited for longer than the caller can', async () => {
    const connection = new BullmqConnection(
      new SlowEngine(() => new Promise(() => {})),
      60_000,
    );

    await expect(connection.open(10)).rejects.toThrow(XeniooInboxError);
  });
});

describe('trouble with an engine that was open', () => {
  it('is told once, and once that it is over', () => {
    const connection = new BullmqConnection(new SlowEngine(), 50);

    connection.tellWell();
    for (let time = 0; time < 3; time++) {
      connection.tellTrouble(new Error('connection refused'));
    }
    connection.tellWell();
    connection.tellWell();

    expect(told()).toEqual([TROUBLE, WELL]);
  });

  it('is told again after a while, however often it comes and goes', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.advanceTimersByTime(60_000);
    const connection = new BullmqConnection(new SlowEngine(), 50);
    const comeAndGo = () => {
      connection.tellTrouble(new Error('connection refused'));
      connection.tellWell();
    };

    comeAndGo();
    vi.advanceTimersByTime(9_999);
    comeAndGo();
    expect(logs.ofXenioo('error')).toHaveLength(1);
    vi.advanceTimersByTime(1);
    comeAndGo();

    expect(logs.ofXenioo('error')).toHaveLength(2);
    expect(logs.ofXenioo('log')).toHaveLength(2);
  });

  it('is not told any more when it is closed', async () => {
    const connection = new BullmqConnection(new SlowEngine(), 50);

    await connection.close();
    connection.tellTrouble(new Error('connection refused'));

    expect(logs.lines).toEqual([]);
  });
});

describe('at the end', () => {
  it('lets go of the engine, and opens no more', async () => {
    const engine = new SlowEngine();
    const connection = new BullmqConnection(engine, 1_000);
    await connection.open();

    await connection.close();

    expect(engine.timesClosed).toBe(1);
    await expect(connection.open()).rejects.toThrow(
      new XeniooInboxError('the BullMQ inbox has stopped'),
    );
  });

  it('asks an engine that never answered no more', async () => {
    const engine = new SlowEngine(down);
    const connection = new BullmqConnection(engine, 50);

    await connection.close();

    expect(await connection.whenOpen()).toBe(undefined);
    expect(engine.timesAsked).toBe(1);
    expect(engine.timesClosed).toBe(0);
  });

  it('waits for no engine that is silent, and lets go of it when it answers', async () => {
    const { opened, open } = gate();
    const engine = new SlowEngine(() => opened);
    const connection = new BullmqConnection(engine, 50);

    await connection.close();
    expect(engine.timesClosed).toBe(0);
    open();

    await expect.poll(() => engine.timesClosed).toBe(1);
    await expect(connection.open()).rejects.toThrow(
      'the BullMQ inbox has stopped',
    );
  });
});
