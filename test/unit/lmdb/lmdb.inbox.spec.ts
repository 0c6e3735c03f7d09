import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  datedEvent,
  gate,
  toBeRetried,
} from '../../../lib/testing/inbox-bench.js';
import { lmdbBench } from '../../support/lmdb-bench.js';

describe('the data file', () => {
  it('stays small, however much is handled', async () => {
    const { bench, path } = await lmdbBench();
    const inbox = await bench.start();
    for (let calls = 0; calls < 300; calls++) {
      const entries = Array.from({ length: 100 }, (_, index) =>
        datedEvent(`conversation ${index % 40}`),
      );
      await inbox.accept({ entries });
      const accepted = (calls + 1) * 100;
      await bench.until(
        () => accepted - bench.runs.length <= 1_000,
        'no more than 1,000 are pending',
      );
    }
    await inbox.idle();

    expect(bench.runs).toHaveLength(30_000);
    const { size } = await stat(join(path, 'inbox.mdb'));
    expect(size).toBeLessThan(8 * 2 ** 20);
  }, 20_000);
});

describe('drain()', () => {
  it('waits for what was accepted before, and not for what comes meanwhile', async () => {
    const { bench } = await lmdbBench();
    const doors = [gate(), gate()];
    const inbox = await bench.start(() => doors[bench.runs.length - 1]!.opened);
    await inbox.accept({ entries: [datedEvent()] });
    await bench.until(() => bench.runs.length === 1, 'the first is handled');

    const drained = inbox.drain();
    await inbox.accept({ entries: [datedEvent()] });
    await bench.until(() => bench.runs.length === 2, 'the second is handled');
    doors[0]!.open();
    await drained;

    expect(bench.runs).toHaveLength(2);
    doors[1]!.open();
    await inbox.idle();
  });

  it('does not wait for what waits for a retry', async () => {
    const { bench } = await lmdbBench();
    const inbox = await bench.start(() => toBeRetried(60_000));
    await inbox.accept({ entries: [datedEvent()] });
    await bench.until(() => bench.runs.length === 1, 'it is handled');

    await inbox.drain();

    expect(bench.runs).toHaveLength(1);
  });

  it('does not wait where another process handles', async () => {
    const { bench } = await lmdbBench();
    const { opened, open } = gate();
    const first = await bench.start(() => opened);
    const second = await bench.start();
    await second.accept({ entries: [datedEvent()] });
    await bench.until(() => bench.runs.length === 1, 'the first handles it');

    await second.drain();

    expect(bench.runs).toHaveLength(1);
    open();
    await first.idle();
  });
});
