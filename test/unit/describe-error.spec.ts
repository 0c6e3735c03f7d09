import { describe, expect, it } from 'vitest';
import { describeError } from '../../lib/describe-error.js';

describe('an error', () => {
  it('is told by its message and stack', () => {
    const error = new TypeError('no such table');

    expect(describeError(error)).toEqual({
      message: 'no such table',
      stack: error.stack,
    });
  });
});

describe('anything else that was thrown', () => {
  it.each([
    ['timed out', 'timed out'],
    [404, '404'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('gone'), 'Symbol(gone)'],
  ])('%s is told as text', (thrown, message) => {
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
  ])('%s is told too', (_what, thrown: unknown) => {
    expect(describeError(thrown)).toEqual({
      message: expect.any(String),
      stack: undefined,
    });
  });
});
