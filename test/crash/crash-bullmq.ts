import { Queue } from 'bullmq';
import { startRedis } from '../support/engines/redis-server.js';
import {
  crashInstallation,
  type CrashPlan,
  type CrashReport,
} from './crash-installation.js';

/** Kills receiving processes, workers and Redis under load. In the report, `left` has the jobs by their state. */
export function crashBullmq(plan: CrashPlan): Promise<CrashReport> {
  return crashInstallation(plan, {
    start: () => startRedis({ appendfsync: 'always' }),
    count: countJobs,
    deadLetters: 'failed',
    strike: victim => victim.kill(),
    examine: async () => ({ findings: {}, hasFault: false }),
  });
}

async function countJobs(url: string): Promise<Record<string, number>> {
  const queue = new Queue('xenioo', { connection: { url } });
  try {
    return await queue.getJobCounts();
  } finally {
    await queue.close();
  }
}
