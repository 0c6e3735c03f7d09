import { describe, expect, it } from 'vitest';
import { FreshDates } from '../../../../lib/cli/replay/fresh-dates.js';

const NOW = Date.parse('2030-01-02T03:04:05.678Z');

function refresh(...bodies: unknown[]): unknown[] {
  const dates = new FreshDates(() => NOW);
  return bodies.map(
    body => JSON.parse(dates.refresh(JSON.stringify(body))) as unknown,
  );
}

describe('fresh dates', () => {
  it('begin now, and keep ticks and distances from call to call', () => {
    expect(
      refresh({ Type: 1, Date: '2019-07-10T15:47:58.5750058+00:00' }, [
        { Type: 0, Date: '2019-07-10T15:47:59.5750059+00:00' },
        { Type: 0, Date: '2019-07-10T17:47:58.5750060+02:00' },
      ]),
    ).toEqual([
      { Type: 1, Date: '2030-01-02T03:04:05.6780058+00:00' },
      [
        { Type: 0, Date: '2030-01-02T03:04:06.6780059+00:00' },
        { Type: 0, Date: '2030-01-02T03:04:05.6780060+00:00' },
      ],
    ]);
  });

  it('are those of entries alone', () => {
    const Date = '2019-07-10T15:47:58.5750058+00:00';
    const others = {
      order: { Date },
      list: [{ Date }],
      Data: Date,
      date: Date,
    };

    expect(refresh({ Type: 1, ...others }, [[{ Date }]], Date)).toEqual([
      { Type: 1, ...others },
      [[{ Date }]],
      Date,
    ]);
  });

  it('leave what is no date, or none that can be written', () => {
    const odd = { Type: 1, Date: 'yesterday' };
    const never = { Type: 1, Date: '9999-12-31T00:00:00Z' };
    const first = { Type: 1, Date: '2019-07-10' };

    expect(refresh(odd, first, never, { Type: 1, Date: null })).toEqual([
      odd,
      { Type: 1, Date: '2030-01-02T03:04:05.678+00:00' },
      never,
      { Type: 1, Date: null },
    ]);
  });

  it('change nothing else, to the digit', () => {
    const body = '{"n":1e999,"n":1.50,"Date":"2019-07-10T00:00:00Z"}';

    expect(new FreshDates(() => NOW).refresh(body)).toBe(
      '{"n":1e999,"n":1.50,"Date":"2030-01-02T03:04:05.678+00:00"}',
    );
  });
});
