import { expect, it } from 'vitest';
import { MAX_DEATHS, recordDeaths } from '../../../lib/inbox/record-deaths.js';
import { eventOf } from '../../support/entry-of.js';

it('recordDeaths() creates one dead letter with the carrier of the call', () => {
  const entry = eventOf({ Type: 8 });
  const carrier = { traceparent: '00-1-2-01' };

  const { retries, deadLetters } = recordDeaths(
    { entry, attempts: 0, carrier },
    MAX_DEATHS,
  );

  expect(retries).toEqual([]);
  expect(deadLetters).toHaveLength(1);
  expect(deadLetters[0]!.letter).toMatchObject({ id: entry.id, carrier });
});
