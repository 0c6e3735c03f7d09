import { expect, it } from 'vitest';
import { settledWithin } from '../../lib/settled-within.js';

it('settledWithin() resolves to true when the work settles in time', async () => {
  expect(await settledWithin(Promise.resolve('anything'), 60_000)).toBe(true);
});

it('settledWithin() resolves to false when the work takes longer', async () => {
  expect(await settledWithin(new Promise(() => {}), 20)).toBe(false);
  expect(await settledWithin(new Promise(() => {}), 0)).toBe(false);
});

it('settledWithin() rejects with the error of the work', async () => {
  const work = Promise.reject(new Error('down'));

  await expect(settledWithin(work, 60_000)).rejects.toThrow('down');
});

it('settledWithin() leaves no timer that would keep the process alive', async () => {
  const countTimers = () =>
    process.getActiveResourcesInfo().filter(name => name === 'Timeout').length;
  const before = countTimers();
  await settledWithin(Promise.resolve(), 60_000);

  expect(countTimers()).toBe(before);
});
