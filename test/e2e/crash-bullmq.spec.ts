import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { crashBullmq } from '../crash/crash-bullmq.js';
import { describeEngine } from '../support/engines/describe-engine.js';

const PROCESS = fileURLToPath(
  new URL('../crash/dist/crash/bullmq-process.js', import.meta.url),
);

describeEngine(
  'redis',
  'when processes that receive, processes that handle and Redis are killed under load',
  () => {
    it('loses nothing that was answered 200, and handles all of it without help', async () => {
      const report = await crashBullmq({
        kills: 2,
        killWithinMs: 1_500,
        callers: 16,
        process: PROCESS,
        random: Math.random,
      });

      expect(report.lost).toEqual([]);
      expect(report.left).toEqual({});
      expect(report.refused.filter(status => status !== 503)).toEqual([]);
      expect(report.answered).toBeGreaterThan(100);
    }, 300_000);
  },
);
