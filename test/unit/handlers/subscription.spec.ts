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
    decoratedMethod(target, key, value === undefined ? undefined : { value });

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

describe.each([
  ['@OnXenioo()', OnXenioo() as Decorate],
  ['@OnXeniooInvalid()', OnXeniooInvalid() as Decorate],
  ['@OnXeniooFailed()', OnXeniooFailed() as Decorate],
])('%s', (_name, decorate) => {
  it('names the compiler option where it was compiled as a standard decorator', () => {
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
])('the options of %s', (name, decorator) => {
  it.each<[unknown, string]>([
    [null, `${name} expects an object of options, got null`],
    [{ name: 'two words' }, '`name` must be a word'],
    [{ name: '' }, '`name` must be a word'],
    [{ nam: 'alarm' }, '`nam`'],
  ])('can’t be %j', (options, message) => {
    expect(() => decorator(options as { name: string })).toThrow(message);
  });
});

type Decorate = (...values: unknown[]) => void;
