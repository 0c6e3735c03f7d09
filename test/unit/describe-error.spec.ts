import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { describeError } from '../../lib/describe-error.js';

describe('describeError()', () => {
  it('returns the message and stack of an Error', () => {
    const error = new TypeError('no such table');

    expect(describeError(error)).toEqual({
      message: 'no such table',
      stack: error.stack,
    });
  });

  it.each([new Error('x'.repeat(3_000_000)), 'x'.repeat(3_000_000)])(
    'cuts a message of millions of characters',
    error => {
      const { message, stack = '' } = describeError(error);

      expect(message).toMatch(/^x{10000}… \(3000000 characters\)$/);
      expect(stack.length).toBeLessThan(11_000);
    },
  );

  it.each([
    [
      'its cause',
      new TypeError('fetch failed', {
        cause: new Error('connect ECONNREFUSED 127.0.0.1:5432'),
      }),
      'fetch failed (cause: connect ECONNREFUSED 127.0.0.1:5432)',
    ],
    [
      'the causes of its cause',
      new Error('no reply', {
        cause: new Error('no connection', { cause: 'ECONNRESET' }),
      }),
      'no reply (causes: no connection; ECONNRESET)',
    ],
    [
      'the first three errors of an AggregateError',
      new AggregateError(
        [1, 2, 3, 4].map(each => new Error(`no reply ${each}`)),
        'All promises were rejected',
      ),
      'All promises were rejected (causes: no reply 1; no reply 2; no reply 3)',
    ],
    [
      'the errors of a cause without a message',
      new TypeError('fetch failed', {
        cause: new AggregateError([new Error('connect ECONNREFUSED ::1:80')]),
      }),
      'fetch failed (causes: AggregateError; connect ECONNREFUSED ::1:80)',
    ],
    [
      'no cause that the message contains',
      new Error('no reply: timed out', { cause: new Error('timed out') }),
      'no reply: timed out',
    ],
    ['the name of an error without a message', new RangeError(), 'RangeError'],
  ])('returns the message of an Error with %s', (_what, error, message) => {
    expect(describeError(error).message).toBe(message);
  });

  it('ends although an Error is its own cause', () => {
    const error = new Error('odd');
    error.cause = error;

    expect(describeError(error).message).toBe('odd');
  });

  it('returns the message and stack of an Error of another realm', () => {
    const error = runInNewContext('new Error("no such table")') as Error;

    expect(describeError(error)).toEqual({
      message: 'no such table',
      stack: error.stack,
    });
  });
});

describe('describeError() of a value that is not an Error', () => {
  it.each([
    ['timed out', 'timed out'],
    [404, '404'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('gone'), 'Symbol(gone)'],
    [{ message: 'duplicate key', code: '23505' }, 'duplicate key'],
    [
      { code: 5, detail: 'Ada' },
      'an object that is not an Error, with the fields code, detail',
    ],
    [{}, 'an object that is not an Error, with no fields'],
  ])('returns %s as text', (thrown, message) => {
    expect(describeError(thrown)).toEqual({ message, stack: undefined });
  });

  it.each([
    ['an object without a prototype', Object.create(null)],
    [
      'an object that refuses to be text',
      {
        toString() {
          throw new Error('no');
        },
      },
    ],
  ])('returns some text for %s', (_what, thrown: unknown) => {
    expect(describeError(thrown)).toEqual({
      message: expect.any(String),
      stack: undefined,
    });
  });
});
