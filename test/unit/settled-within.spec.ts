import { expect, it } from 'vitest';
import { settledWithin } from '../../lib/settled-within.js';

it('says yes when the work comes to its end in time', async () => {
  expect(await settledWithin(Promise.resolve('anything'), 60_000)).toBe(true);
});

it('says no when the work takes longer', async () => {
  expect(await settledWithin(new Promise(() => {}), 20)).toBe(false);
  expect(await settledWithin(new Promise(() => {}), 0)).toBe(false);
});

it('passes on what the work fails with', async () => {
  const work = Promise.reject(new Error('down'));

  await expect(settledWithin(work, 60_000)).rejects.toThrow('down');
});

it('leaves no timer behind that would keep the process alive', async () => {
  const timers = () =>
    process.getActiveResourcesInfo().filter(name => name === 'Timeout').length;
  const before = timers();
  await settledWithin(Promise.resolve(), 60_000);

  expect(timers()).toBe(before);
});
