import type { Redis } from 'ioredis';

/** Time in milliseconds for which a measured memory use of Redis is valid. */
const MEMORY_MAX_AGE_MS = 250;

/**
 * Memory reserved for the workers. They need some to receive a job; without it, a full
 * Redis would stay full.
 */
const RESERVED_RATIO = 0.1;
const RESERVED_BYTES = 4 * 2 ** 20;

/** Approximate memory of a job without its data, and the factor for its data. */
const BYTES_PER_JOB = 1_500;
const BYTES_PER_DATA_BYTE = 1.5;

/** Reads the memory use of a Redis and the settings that can lose accepted events. */
export class RedisState {
  /** Eviction policy of Redis; undefined if its user may not read it. */
  private policy: string | undefined;
  private maxBytes = 0;
  private usedBytes = 0;
  private readAt = -Infinity;

  constructor(private readonly client: Redis) {}

  /** True if Redis is known to keep all keys when its memory is full. */
  get isKeepingKeys(): boolean {
    return this.policy === 'noeviction';
  }

  /** True if Redis is known to drop keys when its memory is full. */
  get isDroppingKeys(): boolean {
    return this.policy !== undefined && !this.isKeepingKeys;
  }

  /**
   * Checks the memory for new jobs.
   * @throws {Error} if they would leave less memory than the workers need
   */
  async assertMemoryFor(jobs: number, dataBytes: number): Promise<void> {
    if (performance.now() - this.readAt > MEMORY_MAX_AGE_MS) {
      await this.readMemory();
    }
    if (this.maxBytes === 0) return;
    // Other processes add jobs too; the next reading includes them.
    this.usedBytes += jobs * BYTES_PER_JOB + dataBytes * BYTES_PER_DATA_BYTE;
    const reserved = Math.max(this.maxBytes * RESERVED_RATIO, RESERVED_BYTES);
    if (this.usedBytes <= this.maxBytes - reserved) return;
    throw new Error(
      'its memory is full (`maxmemory`), except for a reserve that workers need to empty the queue. Raise `maxmemory`, or add workers',
    );
  }

  async readMemory(): Promise<void> {
    this.readAt = performance.now();
    const info = await this.info('memory');
    this.maxBytes = Number(info.get('maxmemory') ?? 0);
    this.usedBytes = Number(info.get('used_memory') ?? 0);
    this.policy = info.get('maxmemory_policy');
  }

  /** Returns the writes that Redis has on disk when it answers; undefined if its user may not read the settings. */
  async durability(): Promise<Durability | undefined> {
    const persistence = await this.info('persistence');
    if (persistence.size === 0) return undefined;
    if (persistence.get('aof_enabled') === '0') return 'none';
    return this.syncPolicy();
  }

  private async syncPolicy(): Promise<Durability | undefined> {
    try {
      const answer = (await this.client.config(
        'GET',
        'appendfsync',
      )) as string[];
      return answer[1] === 'always' ? 'every-write' : 'some-writes';
    } catch {
      // Hosted Redis services may forbid CONFIG.
      return undefined;
    }
  }

  /** Returns the fields of a section of INFO; none if the user of Redis may not read it. */
  private async info(section: string): Promise<Map<string, string>> {
    try {
      const text = await this.client.info(section);
      return new Map(
        [...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [
          name!,
          value!,
        ]),
      );
    } catch (error) {
      if (!(error as Error).message.startsWith('NOPERM')) throw error;
      return new Map();
    }
  }
}

/** Writes that Redis has on disk when it answers. */
export type Durability = 'none' | 'some-writes' | 'every-write';

/** Returns a warning for each setting of Redis that can lose accepted events. */
export function risksOf(
  redis: string,
  durability: Durability | undefined,
  isDroppingKeys: boolean,
): string[] {
  const risks: string[] = [];
  if (durability === 'none') {
    risks.push(
      `${redis} loses accepted events when it restarts (\`appendonly no\`). Set \`appendonly yes\` and \`appendfsync always\` in its redis.conf.`,
    );
  } else if (durability === 'some-writes') {
    risks.push(
      `${redis} may lose the events of the last second when its machine fails. Set \`appendfsync always\` in its redis.conf.`,
    );
  }
  if (isDroppingKeys) {
    risks.push(
      `${redis} may drop pending events when its memory is full. Set \`maxmemory-policy noeviction\` in its redis.conf.`,
    );
  }
  return risks;
}
