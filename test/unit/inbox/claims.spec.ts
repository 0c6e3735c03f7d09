import { Logger } from '@nestjs/common';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import { Claims, dedupeId, type Claim } from '../../../lib/inbox/claims.js';
import { hasEnded } from '../../support/has-ended.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { eventOf, invalidOf } from '../../support/receipt.js';

const LONG = 60_000;
const SETTINGS = { ttlSeconds: 86_400, maxIds: 1_000 };

/** A dated event as it comes each time anew: the same text is the same event. */
const sent = (...texts: string[]) =>
  texts.map(text =>
    eventOf({ Type: 1, Data: text, Date: '2024-05-01T12:00:00Z' }),
  );

const textsOf = (claim: Pick<Claim, 'entries'> | undefined) =>
  claim?.entries.map(({ raw }) => (raw as { Data: string }).Data);

/** Claims what nobody is just taking. */
async function claim(claims: Claims, entries: XeniooEntry[]): Promise<Claim> {
  const claimed = await claims.claim(entries, LONG);
  if (!claimed) throw new Error('Nothing was claimed');
  return claimed;
}

type Take = (claims: Claims, ...texts: string[]) => Promise<string[]>;

/** Claims, and keeps later; tells what was new. */
const takeLater: Take = async (claims, ...texts) => {
  const claimed = await claim(claims, sent(...texts));
  claimed.keep();
  return textsOf(claimed)!;
};

/** Claims and keeps at once, where that can be. */
const takeAtOnce: Take = async (claims, ...texts) => {
  const fresh = claims.take(sent(...texts));
  return fresh ? textsOf({ entries: fresh })! : takeLater(claims, ...texts);
};

let logs: LogRecorder;

beforeEach(() => {
  logs = new LogRecorder();
  Logger.overrideLogger(logs);
});

describe.each([
  ['at once', takeAtOnce],
  ['when there is room', takeLater],
])('an entry that was taken %s', (_when, take) => {
  it('is not taken again', async () => {
    const claims = new Claims(SETTINGS);

    expect(await take(claims, 'a', 'b')).toEqual(['a', 'b']);
    expect(await take(claims, 'b', 'c', 'a')).toEqual(['c']);
    expect(await take(claims, 'a', 'b', 'c')).toEqual([]);
  });

  it('is taken once of a call that has it several times, in its first place', async () => {
    const claims = new Claims(SETTINGS);

    expect(await take(claims, 'a', 'b', 'a', 'a', 'c')).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  it('is told of at debug level, by number', async () => {
    const claims = new Claims(SETTINGS);
    await take(claims, 'a', 'a');
    await take(claims, 'a', 'b', 'b');
    await take(claims, 'c');

    expect(logs.lines.map(({ level, text }) => [level, text])).toEqual([
      [
        'debug',
        'Dropped 1 entries that were accepted before (`dedupe`), 1 since the start.',
      ],
      [
        'debug',
        'Dropped 2 entries that were accepted before (`dedupe`), 3 since the start.',
      ],
    ]);
  });

  it('may be taken again when it was long ago', async () => {
    const claims = new Claims({ ...SETTINGS, ttlSeconds: 0.02 });
    await take(claims, 'a');

    await vi.waitFor(
      async () => {
        expect(await take(claims, 'a')).toEqual(['a']);
      },
      { timeout: 5_000 },
    );
  });

  it('is remembered as long as it is said, however often it comes', async () => {
    const claims = new Claims({ ...SETTINGS, ttlSeconds: 0.05 });
    await take(claims, 'a');
    let isNew = false;
    const until = performance.now() + 2_000;

    while (!isNew && performance.now() < until) {
      isNew = (await take(claims, 'a')).length > 0;
      await new Promise(setImmediate);
    }
    expect(isNew).toBe(true);
  });

  it('is forgotten when too many came after it, the oldest first', async () => {
    const claims = new Claims({ ...SETTINGS, maxIds: 3 });
    await take(claims, 'a');
    await take(claims, 'b');
    await take(claims, 'c', 'd');

    expect(await take(claims, 'b', 'c', 'd')).toEqual([]);
    expect(await take(claims, 'a')).toEqual(['a']);
  });

  it('may be one of more than are remembered', async () => {
    const claims = new Claims({ ...SETTINGS, maxIds: 1 });

    expect(await take(claims, 'a', 'b', 'a', 'c')).toEqual(['a', 'b', 'c']);
    expect(await take(claims, 'c')).toEqual([]);
  });
});

describe('what may be two events though it is equal', () => {
  it.each<[string, () => XeniooEntry]>([
    ['an event without a date', () => eventOf({ Type: 1, Data: 'Hello' })],
    ['an invalid entry', () => invalidOf({ Type: 'x', Date: '2024-05-01' })],
  ])('is never dropped: %s', async (_what, create) => {
    const claims = new Claims(SETTINGS);
    const entry = create();
    const entries = [entry, entry, create(), entry];

    for (let call = 0; call < 2; call++) {
      const claimed = await claim(claims, entries);
      claimed.keep();
      expect(claimed.entries).toEqual(entries);
    }
    expect(dedupeId(entry)).toBeUndefined();
  });

  it('stands between those that are', async () => {
    const claims = new Claims(SETTINGS);
    const undated = eventOf({ Type: 8 });
    const [a, twin, b] = sent('a', 'a', 'b');

    const claimed = await claim(claims, [a!, undated, twin!, undated, b!]);

    expect(claimed.entries).toEqual([a, undated, undated, b]);
  });
});

describe('with `dedupe: false`', () => {
  it('everything is taken, and nobody waits', async () => {
    const claims = new Claims(false);
    const entries = sent('a', 'a');

    const first = await claims.claim(entries, 0);
    const second = await claims.claim(entries, 0);
    first!.keep();
    second!.release();

    expect(first!.entries).toEqual(entries);
    expect(second!.entries).toEqual(entries);
  });
});

describe('while a twin is just being taken', () => {
  it('an entry waits for it, and is dropped when it was', async () => {
    const claims = new Claims(SETTINGS);
    const first = await claim(claims, sent('a', 'b'));
    const settled: string[] = [];
    const second = claims.claim(sent('b', 'c'), LONG).then(claimed => {
      settled.push('second');
      return claimed;
    });

    await new Promise(setImmediate);
    settled.push('kept');
    first.keep();
    expect(textsOf(await second)).toEqual(['c']);
    expect(settled).toEqual(['kept', 'second']);
  });

  it('an entry waits for it, and takes its place when it was not', async () => {
    const claims = new Claims(SETTINGS);
    const first = await claim(claims, sent('a', 'b'));
    const second = claims.claim(sent('b', 'c'), LONG);
    first.release();

    expect(textsOf(await second)).toEqual(['b', 'c']);
    (await second)!.keep();
    expect(await takeLater(claims, 'a', 'b', 'c')).toEqual(['a']);
  });

  it('one of several that wait takes its place', async () => {
    const claims = new Claims(SETTINGS);
    const first = await claim(claims, sent('a'));
    const others = [1, 2, 3].map(async () => {
      const claimed = await claim(claims, sent('a'));
      claimed.keep();
      return claimed.entries.length;
    });
    first.release();

    expect((await Promise.all(others)).toSorted()).toEqual([0, 0, 1]);
  });

  it('nobody waits longer than he may, and nothing is claimed then', async () => {
    const claims = new Claims(SETTINGS);
    const first = await claim(claims, sent('a'));

    expect(await claims.claim(sent('a', 'b'), 5)).toBeUndefined();

    expect(await takeLater(claims, 'b')).toEqual(['b']);
    first.release();
    expect(await takeLater(claims, 'a')).toEqual(['a']);
  });

  it('nobody waits longer than he may, though one twin follows another', async () => {
    const claims = new Claims(SETTINGS);
    const held = {
      a: await claim(claims, sent('a')),
      b: await claim(claims, sent('b')),
    };
    const waiting = claims.claim(sent('a', 'b'), 30);
    const until = performance.now() + 2_000;

    while (!(await hasEnded(waiting))) {
      expect(performance.now()).toBeLessThan(until);
      for (const text of ['a', 'b'] as const) {
        held[text].release();
        held[text] = await claim(claims, sent(text));
      }
    }
    expect(await waiting).toBeUndefined();
  });

  it('others don’t wait', async () => {
    const claims = new Claims(SETTINGS);
    await claim(claims, sent('a'));

    expect(textsOf(await claims.claim(sent('b'), 0))).toEqual(['b']);
    const undated = [eventOf({ Type: 8 })];
    expect((await claims.claim(undated, 0))!.entries).toEqual(undated);
  });

  it('calls whose entries cross don’t wait for each other for ever', async () => {
    const claims = new Claims(SETTINGS);
    const held = await claim(claims, sent('a', 'b'));
    const crossing = [
      ['a', 'b'],
      ['b', 'a'],
      ['a', 'c'],
      ['c', 'b'],
    ].map(async texts => {
      const claimed = await claim(claims, sent(...texts));
      claimed.keep();
      return textsOf(claimed)!;
    });
    held.release();

    const taken = (await Promise.all(crossing)).flat();
    expect(taken.toSorted()).toEqual(['a', 'b', 'c']);
  });
});

describe('calls that are taken at once', () => {
  it('wait for another that is just being taken, and has one of their entries', async () => {
    const claims = new Claims(SETTINGS);
    const held = await claim(claims, sent('a'));

    expect(claims.take(sent('b', 'a'))).toBeUndefined();
    expect(await takeAtOnce(claims, 'b', 'c')).toEqual(['b', 'c']);
    held.release();
    expect(await takeAtOnce(claims, 'b', 'a')).toEqual(['a']);
  });

  it('wait where they have more entries than are remembered', async () => {
    const claims = new Claims({ ...SETTINGS, maxIds: 2 });

    expect(claims.take(sent('a', 'b', 'a'))).toBeUndefined();
    expect(await takeAtOnce(claims, 'a', 'b')).toEqual(['a', 'b']);
  });

  it('may seize what another call is just taking: that does without', async () => {
    const claims = new Claims(SETTINGS);
    const held = await claim(claims, sent('a', 'b'));

    expect(textsOf({ entries: claims.seize(sent('b', 'c')) })).toEqual([
      'b',
      'c',
    ]);
    expect(textsOf({ entries: held.keep() })).toEqual(['a']);
    expect(await takeAtOnce(claims, 'a', 'b', 'c')).toEqual([]);
  });

  it('are taken as they are where nothing is remembered', () => {
    const entries = sent('a', 'a');

    expect(new Claims(false).take(entries)).toBe(entries);
  });
});

it('each entry is held by one and kept once, whoever comes and goes', async () => {
  const call = fc.record({
    texts: fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 4 }),
    turns: fc.nat(4),
    keeps: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 12 }), async calls => {
      const claims = new Claims(SETTINGS);
      const held: string[] = [];
      const kept: string[] = [];

      await Promise.all(
        calls.map(async ({ texts, turns, keeps }) => {
          const claimed = await claim(claims, sent(...texts));
          const mine = textsOf(claimed)!;
          held.push(...mine);
          expect(new Set(held).size).toBe(held.length);
          for (let n = 0; n < turns; n++) await new Promise(setImmediate);
          for (const text of mine) held.splice(held.indexOf(text), 1);
          if (keeps) kept.push(...mine);
          if (keeps) claimed.keep();
          else claimed.release();
        }),
      );

      expect(new Set(kept).size).toBe(kept.length);
      const wanted = calls.filter(({ keeps }) => keeps).flatMap(c => c.texts);
      expect(new Set(kept)).toEqual(new Set(wanted));
    }),
    { numRuns: 200 },
  );
});
