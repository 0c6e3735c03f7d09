import { describe, expect, it } from 'vitest';
import { Rounds } from '../../../lib/inbox/rounds.js';
import { hasEnded } from '../../support/has-ended.js';

describe('that all have ended', () => {
  it('is so at once where none has begun', async () => {
    expect(await hasEnded(new Rounds().allEnded())).toBe(true);
  });

  it('is so when the last has that had begun', async () => {
    const rounds = new Rounds();
    const round = rounds.begin(2);
    const ended = rounds.allEnded();

    rounds.end(round);
    expect(await hasEnded(ended)).toBe(false);
    rounds.end(round);
    expect(await hasEnded(ended)).toBe(true);
  });

  it('does not wait for those who begin later, and is not brought about by them', async () => {
    const rounds = new Rounds();
    const first = rounds.begin(1);
    const ended = rounds.allEnded();
    const second = rounds.begin(2);

    rounds.end(second);
    expect(await hasEnded(ended)).toBe(false);
    rounds.end(first);
    expect(await hasEnded(ended)).toBe(true);
  });

  it('may be asked again, and then is so when all rounds before have ended', async () => {
    const rounds = new Rounds();
    const first = rounds.begin(1);
    void rounds.allEnded();
    const second = rounds.begin(1);
    const ended = rounds.allEnded();
    rounds.begin(1);

    rounds.end(second);
    expect(await hasEnded(ended)).toBe(false);
    rounds.end(first);
    expect(await hasEnded(ended)).toBe(true);
  });

  it('is so for all who asked', async () => {
    const rounds = new Rounds();
    const round = rounds.begin(1);
    const ended = [rounds.allEnded(), rounds.allEnded()];

    rounds.end(round);

    expect(await Promise.all(ended.map(hasEnded))).toEqual([true, true]);
  });
});
