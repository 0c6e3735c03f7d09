import { describe, expect, it } from 'vitest';
import { parseBody } from '../../../lib/events/parse-body.js';
import { parseInTurns } from '../../../lib/webhook/parse-in-turns.js';

const RECEIPT = {
  bot: { name: 'support', secrets: [] },
  receivedAt: new Date(),
};
const DATE = '2026-03-01T10:00:00+00:00';

const bodyOf = (entries: number) =>
  JSON.stringify(
    Array.from({ length: entries }, (_, n) => ({
      Type: 1,
      Data: `Hello ${n}`,
      Date: DATE,
    })),
  );

describe('parseInTurns()', () => {
  it.each([0, 1, 500])('returns all %i entries', async count => {
    const body = bodyOf(count);
    const entries = await parseInTurns(body, RECEIPT);

    expect(entries).toEqual(parseBody(body, RECEIPT));
    expect(entries).toHaveLength(count);
  });

  it('lets other work run between its steps', async () => {
    let turns = 0;
    let isDone = false;
    const takeTurns = () => {
      turns++;
      if (!isDone) setImmediate(takeTurns);
    };
    setImmediate(takeTurns);

    await parseInTurns(bodyOf(20_000), RECEIPT);
    isDone = true;

    expect(turns).toBeGreaterThanOrEqual(5);
  });
});
