import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { crashPostgres } from '../crash/crash-postgres.js';
import { describeEngine } from '../support/engines/describe-engine.js';

const PROCESS = fileURLToPath(
  new URL('../crash/dist/crash/postgres-process.js', import.meta.url),
);

describeEngine(
  'postgres',
  'when processes that receive, processes that handle and PostgreSQL are killed under load',
  () => {
    it('loses nothing that was answered 200, and writes each row of a transactional handler once', async () => {
      const report = await crashPostgres({
        kills: 2,
        killWithinMs: 1_500,
        callers: 16,
        process: PROCESS,
        random: Math.random,
      });

      expect(report.lost).toEqual([]);
      expect(report.unwritten).toEqual([]);
      expect(report.writtenTwice).toEqual([]);
      expect(report.left).toEqual({});
      expect(report.refused.filter(status => status !== 503)).toEqual([]);
      expect(report.answered).toBeGreaterThan(100);
    }, 300_000);
  },
);
