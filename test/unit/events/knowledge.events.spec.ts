import { describe, expect, it } from 'vitest';
import {
  EntityDeletedEvent,
  EntityUpdatedEvent,
  IntentDeletedEvent,
  IntentUpdatedEvent,
  XeniooKnowledgeEvent,
} from '../../../lib/events/xenioo.events.js';
import { eventOf, invalidOf } from '../../support/entry-of.js';

describe.each([
  [3, IntentUpdatedEvent],
  [4, IntentDeletedEvent],
  [5, EntityUpdatedEvent],
  [6, EntityDeletedEvent],
])('an entry of type %i', (Type, eventClass) => {
  it('is an event with a name and a key', () => {
    const event = eventOf({ Type, Name: 'Order', Key: 'order' });

    expect(event).toBeInstanceOf(eventClass);
    expect(event).toBeInstanceOf(XeniooKnowledgeEvent);
    expect(event).toMatchObject({ name: 'Order', key: 'order' });
  });

  it('requires only one of them', () => {
    expect(eventOf({ Type, Name: 'Order' })).not.toHaveProperty('key');
    expect(eventOf({ Type, Name: null, Key: 'order' })).not.toHaveProperty(
      'name',
    );
  });

  it('is invalid without both', () => {
    expect(invalidOf({ Type, Name: null })).toMatchObject({
      reason: 'invalid-fields',
      errors: ['entry 0: Name or Key is required'],
    });
  });

  it.each([
    [{ Name: 5, Key: 'order' }, ['Name must be a string, got a number']],
    [{ Name: 'Order', Key: {} }, ['Key must be a string, got an object']],
    [{ Key: ['order'] }, ['Key must be a string, got a list']],
    [
      { Name: false, Key: 5 },
      [
        'Name must be a string, got a boolean',
        'Key must be a string, got a number',
      ],
    ],
  ])('is invalid with %o', (fields, errors) => {
    const invalid = invalidOf({ Type, ...fields });

    expect(invalid.errors.toSorted()).toEqual(
      errors.map(error => `entry 0: ${error}`).toSorted(),
    );
  });
});
