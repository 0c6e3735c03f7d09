import { describe, expect, it } from 'vitest';
import {
  addSubscription,
  methodUnder,
  subscriptionsOf,
} from '../../../lib/handlers/subscription.js';
import { XeniooHandlerError } from '../../../lib/xenioo.errors.js';

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

describe('under a decorator', () => {
  class Crm {
    save(): void {}

    static load(): void {}
  }

  const { prototype } = Crm;
  const under = (target: object, key: string | symbol, value?: unknown) =>
    methodUnder(target, key, value === undefined ? undefined : { value });

  it('is a method of instances', () => {
    expect(under(prototype, 'save', prototype.save)).toBe(prototype.save);
  });

  it.each<[string, Parameters<typeof under>]>([
    ['a static one', [Crm, 'load', Crm.load]],
    ['one without a name', [prototype, Symbol('save'), prototype.save]],
    ['a property', [prototype, 'save']],
    ['a value', [prototype, 'save', 'text']],
  ])('can’t be %s', (_what, values) => {
    expect(() => under(...values)).toThrow(XeniooHandlerError);
  });
});
