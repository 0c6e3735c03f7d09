import { describe, expect, it } from 'vitest';
import { collectInTurns } from '../../../lib/webhook/collect-in-turns.js';

/** Numbers that keep the processor busy for some milliseconds each. */
function* slowNumbers(count: number, milliseconds: number) {
  for (let number = 0; number < count; number++) {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
    yield number;
  }
}

describe('what is collected in turns', () => {
  it('comes whole and in order', async () => {
    expect(await collectInTurns(slowNumbers(20, 2))).toEqual([
      ...Array(20).keys(),
    ]);
    expect(await collectInTurns([])).toEqual([]);
  });

  it('lets others have the event loop in between', async () => {
    let others = 0;
    let isDone = false;
    const takeTurns = () => {
      others++;
      if (!isDone) setImmediate(takeTurns);
    };
    setImmediate(takeTurns);

    await collectInTurns(slowNumbers(10, 10));
    isDone = true;

    expect(others).toBeGreaterThanOrEqual(5);
  });

  it('is not held up where it takes no time', async () => {
    let others = 0;
    setImmediate(() => others++);

    await collectInTurns([1, 2, 3]);

    expect(others).toBe(0);
  });

  it('fails where making a value fails', async () => {
    const broken = function* () {
      yield 1;
      throw new Error('broken');
    };

    await expect(collectInTurns(broken())).rejects.toThrow('broken');
  });
});
