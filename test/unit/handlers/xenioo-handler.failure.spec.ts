import { expect, it } from 'vitest';
import { XeniooHandlerFailure } from '../../../lib/handlers/xenioo-handler.failure.js';
import { eventOf } from '../../support/entry-of.js';

it('XeniooHandlerFailure holds the event, handler, error and attempts, and is frozen', () => {
  const event = eventOf({ Type: 1 });
  const error = new Error('down');
  const failure = new XeniooHandlerFailure(event, 'Crm.save', error, 3);

  expect(failure).toEqual({ event, handler: 'Crm.save', error, attempts: 3 });
  expect(Object.isFrozen(failure)).toBe(true);
});
