import { describe, expect, it } from 'vitest';
import { OnXeniooFailed } from '../../../lib/handlers/on-xenioo-failed.decorator.js';
import { OnXeniooInvalid } from '../../../lib/handlers/on-xenioo-invalid.decorator.js';
import { OnXenioo } from '../../../lib/handlers/on-xenioo.decorator.js';
import {
  addSubscription,
  decoratedMethod,
  subscriptionsOf,
} from '../../../lib/handlers/subscription.js';
import { XeniooHandlerError } from '../../../lib/xenioo.errors.js';

describe('subscriptionsOf()', () => {
  it('returns nothing for a method without a decorator', () => {
    expect(subscriptionsOf(() => {})).toEqual([]);
  });

  it('returns each subscription of a method', () => {
    const method = () => {};
    addSubscription(method, { to: 'invalid' });
    addSubscription(method, { to: 'events', name: 'keep' });

    expect(subscriptionsOf(method)).toEqual([
      { to: 'invalid' },
      { to: 'events', name: 'keep' },
    ]);
  });

  it('keeps the subscriptions of different methods separate', () => {
    const [one, other] = [() => {}, () => {}];
    addSubscription(one, { to: 'invalid' });

    expect(subscriptionsOf(other)).toEqual([]);
  });
});

describe('decoratedMethod()', () => {
  class Crm {
    save(): void {}

    static load(): void {}
  }

  const { prototype } = Crm;
  const decorateMethod = (
    target: object,
    key: string | symbol,
    value?: unknown,
  ) =>
    decoratedMethod(target, key, value === undefined ? undefined : { value });

  it('returns an instance method', () => {
    expect(decorateMethod(prototype, 'save', prototype.save)).toBe(
      prototype.save,
    );
  });

  it.each<[string, Parameters<typeof decorateMethod>]>([
    ['a static one', [Crm, 'load', Crm.load]],
    ['one without a name', [prototype, Symbol('save'), prototype.save]],
    ['a property', [prototype, 'save']],
    ['a value', [prototype, 'save', 'text']],
  ])('rejects %s', (_what, values) => {
    expect(() => decorateMethod(...values)).toThrow(XeniooHandlerError);
  });
});

describe.each([
  ['@OnXenioo()', OnXenioo() as Decorator],
  ['@OnXeniooInvalid()', OnXeniooInvalid() as Decorator],
  ['@OnXeniooFailed()', OnXeniooFailed() as Decorator],
])('%s', (_name, decorate) => {
  it('names the compiler option when compiled as a standard decorator', () => {
    const context = { kind: 'method', name: 'save', static: false };

    expect(() => decorate(() => {}, context)).toThrow(
      new XeniooHandlerError(
        "`save` can't handle events: it was compiled with standard decorators, and NestJS needs the experimental ones. Set `experimentalDecorators` to true in the tsconfig.json of the app; tsx, Bun, Deno and esbuild read it there.",
      ),
    );
  });

  it.each([
    ['a generator', function* save() {}],
    ['an async generator', async function* save() {}],
  ])('rejects %s, whose body would not run', (_what, value) => {
    expect(() => decorate({}, 'save', { value })).toThrow(
      new XeniooHandlerError(
        "`save` can't handle events: it is a generator (`*save()`), whose body would not run. Make it a method, async or not, without `*`.",
      ),
    );
  });
});

describe.each([
  ['@OnXeniooInvalid()', OnXeniooInvalid],
  ['@OnXeniooFailed()', OnXeniooFailed],
])('%s with invalid options', (name, decorator) => {
  it.each<[unknown, string]>([
    [null, `${name} expects an object of options, got null`],
    [{ name: 'two words' }, '`name` must be a word'],
    [{ name: '' }, '`name` must be a word'],
    [{ nam: 'alarm' }, '`nam`'],
  ])('rejects %j', (options, message) => {
    expect(() => decorator(options as { name: string })).toThrow(message);
  });
});

type Decorator = (...values: unknown[]) => void;
