import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, it } from 'vitest';
import { StartContext } from '../../../lib/handlers/handler-execution.js';

const storage = new AsyncLocalStorage<string>();
const storeNow = () => storage.getStore();

it('StartContext.run() returns what the work returns and throws what it throws', () => {
  const context = new StartContext();

  expect(context.run(value => `${value} saved`, 'event')).toBe('event saved');
  expect(() =>
    context.run(message => {
      throw new Error(message);
    }, 'down'),
  ).toThrow('down');
});

it('StartContext.run() shows the work the AsyncLocalStorage store of the start, not that of the caller', async () => {
  const context = storage.run('start', () => new StartContext());
  const seen: unknown[] = [];

  await storage.run('call', async () => {
    await context.run(async () => {
      seen.push(storage.getStore());
      await new Promise(setImmediate);
      seen.push(storage.getStore());
    }, undefined);
    seen.push(storage.getStore());
  });

  expect(seen).toEqual(['start', 'start', 'call']);
});

it('StartContext.run() shows no store when the application started without one', () => {
  const context = new StartContext();

  const seen = storage.run('call', () => context.run(storeNow, undefined));

  expect(seen).toBeUndefined();
});

it('StartContext.run() hides an `enterWith()` from the caller and from other work', async () => {
  const context = new StartContext();
  const enter = async (name: string) => {
    const before = storage.getStore();
    storage.enterWith(name);
    await new Promise(setImmediate);
    return [before, storage.getStore()];
  };

  const atOnce = ['work 1', 'work 2'].map(name => context.run(enter, name));

  expect(storage.getStore()).toBeUndefined();
  expect(await Promise.all(atOnce)).toEqual([
    [undefined, 'work 1'],
    [undefined, 'work 2'],
  ]);
  expect(context.run(storeNow, undefined)).toBeUndefined();
});
