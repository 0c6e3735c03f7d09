import type { Redis } from 'ioredis';

/** Time for which a reading of Redis's memory is used. */
const MEMORY_LOOK_MS = 250;

/**
 * Memory that is left to the workers. A Redis without any refuses what they need
 * to take up a job, and would stay full for ever.
 */
const RESERVED_RATIO = 0.1;
const RESERVED_BYTES = 4 * 2 ** 20;

/** Approximate memory of a job beside its data, and the factor for its data. */
const BYTES_PER_JOB = 1_500;
const BYTES_PER_DATA_BYTE = 1.5;

/** Knows the memory of a Redis, and the settings with which it loses what it accepted. */
export class RedisState {
  /** Eviction policy of Redis; absent where the user may not read it. */
  private policy: string | undefined;
  private maxBytes = 0;
  private usedBytes = 0;
  private lookedAt = -Infinity;

  constructor(private readonly client: Redis) {}

  /** Answers whether it is known to keep its keys when its memory is full. */
  get isKeepingKeys(): boolean {
    return this.policy === 'noeviction';
  }

  /** Answers whether it is known to drop keys when its memory is full. */
  get isDroppingKeys(): boolean {
    return this.policy !== undefined && !this.isKeepingKeys;
  }

  /** @throws {Error} when so many jobs leave less memory than the workers need */
  async assertRoomFor(jobs: number, dataBytes: number): Promise<void> {
    if (performance.now() - this.lookedAt > MEMORY_LOOK_MS) {
      await this.lookAtMemory();
    }
    if (this.maxBytes === 0) return;
    // Others may add as well: the next look shows that.
    this.usedBytes += jobs * BYTES_PER_JOB + dataBytes * BYTES_PER_DATA_BYTE;
    const reserved = Math.max(this.maxBytes * RESERVED_RATIO, RESERVED_BYTES);
    if (this.usedBytes <= this.maxBytes - reserved) return;
    throw new Error(
      'its memory is full (`maxmemory`); the rest is for the workers, which make room',
    );
  }

  async lookAtMemory(): Promise<void> {
    this.lookedAt = performance.now();
    const info = await this.info('memory');
    this.maxBytes = Number(info.get('maxmemory') ?? 0);
    this.usedBytes = Number(info.get('used_memory') ?? 0);
    this.policy = info.get('maxmemory_policy');
  }

  /** Returns what Redis does with accepted events when it restarts; nothing where its user may not ask. */
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
      // Services that run Redis for others may forbid the question.
      return undefined;
    }
  }

  /** Returns the fields of a section of INFO; none where the user may not ask. */
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

/** Which of its writes Redis has on disk when it answers. */
export type Durability = 'none' | 'some-writes' | 'every-write';

/** Returns a warning for each setting with which Redis loses what it accepted. */
export function risksOf(
  redis: string,
  durability: Durability | undefined,
  isDroppingKeys: boolean,
): string[] {
  const risks: string[] = [];
  if (durability === 'none') {
    risks.push(
      `${redis} loses what was answered 200 when it restarts (\`appendonly no\`). Set \`appendonly yes\` and \`appendfsync always\` in its redis.conf.`,
    );
  } else if (durability === 'some-writes') {
    risks.push(
      `${redis} may lose what it accepted in the last second when its machine fails. Set \`appendfsync always\` in its redis.conf.`,
    );
  }
  if (isDroppingKeys) {
    risks.push(
      `${redis} drops events that wait when its memory is full. Set \`maxmemory-policy noeviction\` in its redis.conf.`,
    );
  }
  return risks;
}
