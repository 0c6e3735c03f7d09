import { expect, it } from 'vitest';
import { errorLocation } from '../../../lib/webhook/error-location.js';

it('errorLocation() returns the class of an error and the place where it was thrown', () => {
  expect(errorLocation(new TypeError('down'))).toMatch(
    /^TypeError\n {4}at .*error-location\.spec\.ts/,
  );
});

it('errorLocation() omits the message, which may quote a body', () => {
  const error = new RangeError('Hello from Anna\nand from Ada');

  expect(errorLocation(error)).not.toMatch(/Anna|Ada/);
});

it.each([undefined, 'Hello from Anna', Object.create(null)])(
  'errorLocation() reports that a value is not an Error: %o',
  (thrown: unknown) => {
    expect(errorLocation(thrown)).toBe(
      'a value that is not an Error was thrown',
    );
  },
);
