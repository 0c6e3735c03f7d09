import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { crashBullmq } from '../crash/crash-bullmq.js';
import { describeEngine } from '../support/engines/describe-engine.js';

const PROCESS = fileURLToPath(
  new URL('../crash/dist/crash/bullmq-process.js', import.meta.url),
);

describeEngine(
  'redis',
  'BullMQ inboxes whose receivers, workers and Redis are killed under load',
  () => {
    it('lose no event that was answered 200 and handle every one without intervention', async () => {
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
