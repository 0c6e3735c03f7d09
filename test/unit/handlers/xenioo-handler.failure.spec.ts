import { expect, it } from 'vitest';
import { XeniooHandlerFailure } from '../../../lib/handlers/xenioo-handler.failure.js';
import { eventOf } from '../../support/entry-of.js';

it('tells which handler gave up on which event, after how many attempts and why, and can’t be changed', () => {
  const event = eventOf({ Type: 1 });
  const error = new Error('down');
  const failure = new XeniooHandlerFailure(event, 'Crm.save', error, 3);

  expect(failure).toEqual({ event, handler: 'Crm.save', error, attempts: 3 });
  expect(Object.isFrozen(failure)).toBe(true);
});
