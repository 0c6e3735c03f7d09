import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  earliest,
  failuresOf,
  progressAfter,
  type Ended,
  type Outcome,
} from '../../../lib/handlers/progress-after.js';
import { XeniooHandlerFailure } from '../../../lib/handlers/xenioo-handler.failure.js';
import {
  NOTHING_DONE,
  type XeniooProgress,
} from '../../../lib/handlers/xenioo.dispatch.js';
import { eventOf } from '../../support/receipt.js';

const failureOf = (handler: string) =>
  new XeniooHandlerFailure(eventOf({ Type: 1 }), handler, new Error('no'), 3);

const DONE: Outcome = { is: 'done' };
const UNMATCHED: Outcome = { is: 'unmatched' };
const retried = (attempts: number, retryAt: number): Outcome => ({
  is: 'to be retried',
  attempts,
  retryAt,
});
const gaveUp = (handler: string): Outcome => ({
  is: 'given up',
  failure: failureOf(handler),
});

describe('the progress after a first attempt', () => {
  it('names who is done and who is to be tried again, and nobody else', () => {
    const ended: Ended[] = [
      ['works', DONE],
      ['fails', retried(1, 500)],
      ['gives up', gaveUp('gives up')],
      ['is for others', UNMATCHED],
    ];

    expect(progressAfter(NOTHING_DONE, ended)).toEqual({
      attempted: true,
      done: ['works'],
      failed: [{ handler: 'fails', attempts: 1, retryAt: 500 }],
    });
  });

  it('keeps who was done before, as a crash left it', () => {
    const before = { attempted: false, done: ['first'], failed: [] };

    expect(progressAfter(before, [['second', DONE]])).toEqual({
      attempted: true,
      done: ['first', 'second'],
      failed: [],
    });
  });
});

describe('the progress after a later attempt', () => {
  const before: XeniooProgress = {
    attempted: true,
    done: ['works'],
    failed: [
      { handler: 'one', attempts: 1, retryAt: 500 },
      { handler: 'other', attempts: 1, retryAt: 900 },
    ],
  };

  it.each<[string, Outcome, object]>([
    ['done', DONE, { done: ['works', 'one'], failed: [before.failed[1]] }],
    ['given up', gaveUp('one'), { failed: [before.failed[1]] }],
    ['no longer one for it', UNMATCHED, { failed: [before.failed[1]] }],
    [
      'to be retried',
      retried(2, 1_500),
      {
        failed: [
          before.failed[1],
          { handler: 'one', attempts: 2, retryAt: 1_500 },
        ],
      },
    ],
  ])('leaves who was not due as it was: %s', (_what, outcome, changed) => {
    expect(progressAfter(before, [['one', outcome]])).toEqual({
      ...before,
      ...changed,
    });
  });

  it('is the same where nobody was due', () => {
    expect(progressAfter(before, [])).toEqual(before);
  });
});

it('is never told of a handler twice, and changes nothing it was given', () => {
  const handler = fc.constantFrom<string[]>('a', 'b', 'c', 'd', 'e');
  const outcome = fc.oneof(
    fc.constant(DONE),
    fc.constant(UNMATCHED),
    fc.tuple(fc.nat(9), fc.nat(999)).map(([n, at]) => retried(n, at)),
    fc.constant(gaveUp('x')),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(handler),
      fc.dictionary(handler, outcome),
      (names, due) => {
        const before = Object.freeze({
          attempted: true,
          done: Object.freeze(names.slice(0, 2)),
          failed: Object.freeze(
            names
              .slice(2)
              .map(handler => ({ handler, attempts: 1, retryAt: 1 })),
          ),
        });
        const ended = Object.entries(due).filter(
          ([name]) => !before.done.includes(name),
        );

        const { done, failed } = progressAfter(before, ended);

        const told = [...done, ...failed.map(({ handler }) => handler)];
        expect(new Set(told).size).toBe(told.length);
        expect(done).toEqual(expect.arrayContaining([...before.done]));
      },
    ),
  );
});

describe('the failures', () => {
  it('are those of handlers that gave up', () => {
    const one = gaveUp('one');
    const ended: Ended[] = [
      ['one', one],
      ['quietly', { is: 'given up' }],
      ['works', DONE],
      ['fails', retried(1, 500)],
    ];

    expect(failuresOf(ended)).toEqual([
      expect.objectContaining({ handler: 'one' }),
    ]);
  });
});

describe('the earliest of those to be tried again', () => {
  it('says when the entry is due', () => {
    const failed = [900, 500, 700].map(retryAt => ({
      handler: `${retryAt}`,
      attempts: 1,
      retryAt,
    }));

    expect(earliest(failed)).toBe(500);
  });

  it('is nobody where none failed', () => {
    expect(earliest([])).toBeUndefined();
  });
});
