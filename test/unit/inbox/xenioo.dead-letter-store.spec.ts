import { describe, expect, it } from 'vitest';
import { deadLetterOf } from '../../../lib/inbox/record-run.js';
import {
  matchesFilter,
  type XeniooDeadLetterFilter,
} from '../../../lib/inbox/xenioo.dead-letter-store.js';
import { eventOf, invalidOf } from '../../support/entry-of.js';

const event = eventOf({ Type: 1, ConversationId: 'ada' }, { name: 'support' });
const ofEvent = deadLetterOf(event, { handler: 'Crm.save', attempts: 3 });
const ofInvalid = deadLetterOf(invalidOf('text', { name: 'shop' }));

describe('matchesFilter()', () => {
  it.each<[XeniooDeadLetterFilter, boolean, boolean]>([
    [{}, true, true],
    [
      {
        kind: undefined,
        handler: undefined,
        eventId: undefined,
        bot: undefined,
        conversationId: undefined,
      },
      true,
      true,
    ],
    [{ kind: 'event' }, true, false],
    [{ kind: 'invalid' }, false, true],
    [{ handler: 'Crm.save' }, true, false],
    [{ handler: 'Crm' }, false, false],
    [{ eventId: event.id }, true, false],
    [{ eventId: ofEvent.id }, false, false],
    [{ eventId: ofInvalid.id }, false, true],
    [{ bot: 'support' }, true, false],
    [{ bot: 'shop' }, false, true],
    [{ conversationId: 'ada' }, true, false],
    [{ conversationId: 'bob' }, false, false],
    [{ conversationId: '' }, false, false],
    [{ kind: 'event', handler: 'Crm.save', bot: 'support' }, true, false],
    [{ kind: 'invalid', handler: 'Crm.save' }, false, false],
    [{ conversationId: 'ada', bot: 'shop' }, false, false],
  ])('matches a letter by %o', (filter, matchesEvent, matchesInvalid) => {
    expect(matchesFilter(ofEvent, filter)).toBe(matchesEvent);
    expect(matchesFilter(ofInvalid, filter)).toBe(matchesInvalid);
  });
});
