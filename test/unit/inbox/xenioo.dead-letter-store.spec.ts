import { describe, expect, it } from 'vitest';
import { XeniooHandlerFailure } from '../../../lib/handlers/xenioo-handler.failure.js';
import {
  letterOfFailures,
  letterOfInvalid,
} from '../../../lib/inbox/dead-letter.js';
import type { XeniooDeadLetter } from '../../../lib/inbox/dead-letter.js';
import { isMeant } from '../../../lib/inbox/xenioo.dead-letter-store.js';
import { eventOf, invalidOf } from '../../support/receipt.js';

const event = eventOf({ Type: 1 });
const failures = ['Crm.save', 'Desk.notify'].map(
  handler => new XeniooHandlerFailure(event, handler, new Error('down'), 1),
);
const ofEvent = letterOfFailures(event, failures);
const ofInvalid = letterOfInvalid(invalidOf('text'));

/** What a store knows of a letter without reading it. */
function named({ kind, failures }: XeniooDeadLetter) {
  return { kind, handlers: failures.map(({ handler }) => handler) };
}

describe('a filter', () => {
  it.each([
    [{}, true, true],
    [{ kind: undefined, handler: undefined }, true, true],
    [{ kind: 'event' }, true, false],
    [{ kind: 'invalid' }, false, true],
    [{ handler: 'Desk.notify' }, true, false],
    [{ handler: 'Desk' }, false, false],
    [{ kind: 'event', handler: 'Crm.save' }, true, false],
    [{ kind: 'invalid', handler: 'Crm.save' }, false, false],
  ] as const)('of %o means a letter or not', (filter, event, invalid) => {
    expect(isMeant(named(ofEvent), filter)).toBe(event);
    expect(isMeant(named(ofInvalid), filter)).toBe(invalid);
  });
});
