import { describe, expect, it } from 'vitest';
import { FirstAttempts } from '../../../lib/inbox/first-attempts.js';
import { hasEnded } from '../../support/has-ended.js';

const LONG = 60_000;

describe('a call', () => {
  it('is answered when each of its entries has had its first attempt', async () => {
    const attempts = new FirstAttempts(2);
    const ended = attempts.endedWithin(LONG);
    attempts.end();
    expect(await hasEnded(ended)).toBe(false);

    attempts.end();
    expect(await hasEnded(ended)).toBe(true);
  });

  it('is answered at once where they have ended before, or where it has none', async () => {
    const attempts = new FirstAttempts(1);
    attempts.end();

    expect(await hasEnded(attempts.endedWithin(LONG))).toBe(true);
    const none = new FirstAttempts(0);
    expect(await hasEnded(none.endedWithin(LONG))).toBe(true);
  });

  it('does not wait longer than it may, and does not mind what ends later', async () => {
    const attempts = new FirstAttempts(1);
    await attempts.endedWithin(1);

    expect(() => attempts.end()).not.toThrow();
  });
});
