import { describe, expect, it } from 'vitest';
import {
  XeniooDeadLetterError,
  XeniooHandlerError,
  XeniooInboxError,
  XeniooOptionsError,
  XeniooUnrecoverableError,
} from '../../lib/xenioo.errors.js';

describe('XeniooOptionsError', () => {
  it('lists every problem on a separate line', () => {
    const error = new XeniooOptionsError(['no secret', 'no path']);

    expect(error.message).toBe(
      'XeniooModule failed to start:\n  - no secret\n  - no path',
    );
    expect(error.problems).toEqual(['no secret', 'no path']);
  });

  it('passes on its cause', () => {
    const cause = new Error('vault is down');

    expect(new XeniooOptionsError(['no secret'], { cause }).cause).toBe(cause);
  });
});

it.each([
  [new XeniooOptionsError([]), 'XeniooOptionsError'],
  [new XeniooHandlerError('x'), 'XeniooHandlerError'],
  [new XeniooInboxError('x'), 'XeniooInboxError'],
  [new XeniooUnrecoverableError('x'), 'XeniooUnrecoverableError'],
  [new XeniooDeadLetterError('x'), 'XeniooDeadLetterError'],
])('%s is an Error with its class name as name', (error, name) => {
  expect(error).toBeInstanceOf(Error);
  expect(error.name).toBe(name);
});
