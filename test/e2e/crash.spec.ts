import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { crash } from '../crash/crash.js';

const SERVER = fileURLToPath(
  new URL('../crash/dist/crash/server.js', import.meta.url),
);

describe.each([
  { processes: 1, adapter: 'express' },
  { processes: 1, adapter: 'fastify' },
  { processes: 2, adapter: 'fastify' },
] as const)(
  'servers that are killed under load ($processes on $adapter)',
  plan => {
    it('lose no event answered 200, and run no handler again whose result is recorded', async () => {
      const report = await crash({
        ...plan,
        kills: 3,
        callers: 16,
        server: SERVER,
        random: Math.random,
      });

      expect(report).toMatchObject({
        lost: [],
        repeatedWithoutReason: [],
        deadLettersWithoutReason: [],
        refused: [],
      });
      expect(report.answered).toBeGreaterThan(100);
    }, 120_000);
  },
);
