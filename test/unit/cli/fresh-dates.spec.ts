import { describe, expect, it } from 'vitest';
import { createDateMover } from '../../../lib/cli/fresh-dates.js';

const NOW = Date.parse('2030-01-02T03:04:05.678Z');

const moveDates = (...bodies: string[]) =>
  bodies.map(createDateMover(() => NOW));

describe('createDateMover()', () => {
  it('moves the first date to now and keeps fraction digits and intervals between calls', () => {
    expect(
      moveDates(
        '{"Type":1,"Date":"2019-07-10T15:47:58.5750058+00:00"}',
        '[{"Date" : "2019-07-10T15:47:59.5750059+00:00"},{"Date":"2019-07-10T17:47:58.5750060+02:00"}]',
      ),
    ).toEqual([
      '{"Type":1,"Date":"2030-01-02T03:04:05.6780058+00:00"}',
      '[{"Date" : "2030-01-02T03:04:06.6780059+00:00"},{"Date":"2030-01-02T03:04:05.6780060+00:00"}]',
    ]);
  });

  it.each([
    '{"Date":"yesterday"}',
    '{"Date":null}',
    '{"date":"2019-07-10T15:47:58Z"}',
    '{"Data":"\\"Date\\":\\"2019-07-10T15:47:58Z\\""}',
    '"Date"',
    '{"Type":',
    '',
  ])('keeps %s unchanged', body => {
    expect(moveDates(body)).toEqual([body]);
  });

  it('keeps a date that would be after the year 9999', () => {
    const [, moved] = moveDates(
      '{"Date":"2019-07-10T00:00:00Z"}',
      '{"Date":"9999-12-31T00:00:00Z"}',
    );

    expect(moved).toBe('{"Date":"9999-12-31T00:00:00Z"}');
  });

  it('changes nothing else, not even the format of numbers', () => {
    expect(
      moveDates('{"n":1e999,"n":1.50,"Date":"2019-07-10T00:00:00Z"}'),
    ).toEqual(['{"n":1e999,"n":1.50,"Date":"2030-01-02T03:04:05.678+00:00"}']);
  });
});
