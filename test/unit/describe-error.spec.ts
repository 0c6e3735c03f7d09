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
});

describe('describeError() of a value that is not an Error', () => {
  it.each([
    ['timed out', 'timed out'],
    [404, '404'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('gone'), 'Symbol(gone)'],
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
