import { describe, expect, it } from 'vitest';
import {
  addSubscription,
  subscriptionsOf,
} from '../../../lib/handlers/subscription.js';

describe('a method', () => {
  it('has no subscriptions before it is decorated', () => {
    expect(subscriptionsOf(() => {})).toEqual([]);
  });

  it('keeps each of several', () => {
    const method = () => {};
    addSubscription(method, { to: 'invalid' });
    addSubscription(method, { to: 'events', name: 'keep' });

    expect(subscriptionsOf(method)).toEqual([
      { to: 'invalid' },
      { to: 'events', name: 'keep' },
    ]);
  });

  it('shares none with another', () => {
    const [one, other] = [() => {}, () => {}];
    addSubscription(one, { to: 'invalid' });

    expect(subscriptionsOf(other)).toEqual([]);
  });
});
