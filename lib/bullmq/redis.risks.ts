import type { Redis } from 'ioredis';
import { allowedInfo } from './redis.memory.js';

/** A sentence for each setting of a Redis with which it loses what it has accepted. */
export async function risksOf(client: Redis): Promise<string[]> {
  const [persistence, memory] = await Promise.all([
    allowedInfo(client, 'persistence'),
    allowedInfo(client, 'memory'),
  ]);
  const { host = 'localhost', port = 6379 } = client.options;
  const at = `Redis at ${host}:${port}`;
  const risks: string[] = [];
  if (persistence.get('aof_enabled') === '0') {
    risks.push(
      `${at} forgets what was answered 200 when it restarts (\`appendonly no\`). Put into its redis.conf: appendonly yes, and appendfsync always; or now: CONFIG SET appendonly yes`,
    );
  } else if (
    persistence.size > 0 &&
    (await syncPolicyOf(client)) !== 'always'
  ) {
    risks.push(
      `${at} may forget what it took in the last second when its machine fails (\`appendfsync\` is not \`always\`). Put into its redis.conf: appendfsync always; or now: CONFIG SET appendfsync always`,
    );
  }
  const policy = memory.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    risks.push(
      `${at} drops events that wait when its memory is full (\`maxmemory-policy ${policy}\`). Put into its redis.conf: maxmemory-policy noeviction; or now: CONFIG SET maxmemory-policy noeviction`,
    );
  }
  return risks;
}

/** Services that run Redis for others may forbid the question: then it is theirs to know. */
async function syncPolicyOf(client: Redis): Promise<string | undefined> {
  try {
    const answer = await client.config('GET', 'appendfsync');
    return (answer as string[])[1];
  } catch {
    return 'always';
  }
}
