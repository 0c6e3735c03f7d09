import { randomInt } from 'node:crypto';

/** Where time begins for entries that can be made again. */
export const SEEDED_START = new Date('2024-05-01T12:00:00Z');

/** For what is to be another one each time. */
export function randomSeed(): number {
  return randomInt(2 ** 32);
}
