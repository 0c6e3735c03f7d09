import { describe, expect, it } from 'vitest';
import { runInTurns } from '../../../lib/webhook/run-in-turns.js';

/** Steps that keep the processor busy for some milliseconds each; at their end they give their number. */
function* slowSteps(count: number, milliseconds: number) {
  for (let number = 0; number < count; number++) {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
    yield;
  }
  return count;
}

describe('what is run in turns', () => {
  it('gives what its steps give at their end', async () => {
    expect(await runInTurns(slowSteps(20, 2))).toBe(20);
    expect(await runInTurns(slowSteps(0, 0))).toBe(0);
  });

  it('lets others have the event loop in between', async () => {
    let others = 0;
    let isDone = false;
    const takeTurns = () => {
      others++;
      if (!isDone) setImmediate(takeTurns);
    };
    setImmediate(takeTurns);

    await runInTurns(slowSteps(10, 10));
    isDone = true;

    expect(others).toBeGreaterThanOrEqual(5);
  });

  it('gives it at once where it takes no time', () => {
    expect(runInTurns(slowSteps(3, 0))).toBe(3);
  });

  it('fails where a step fails, in the first turn or later', async () => {
    const broken = function* (milliseconds: number) {
      yield* slowSteps(3, milliseconds);
      throw new Error('broken');
    };

    await expect(async () => runInTurns(broken(0))).rejects.toThrow('broken');
    await expect(async () => runInTurns(broken(10))).rejects.toThrow('broken');
  });
});
