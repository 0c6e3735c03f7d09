import type { Redis } from 'ioredis';
import type { XeniooDuplicates } from '../handlers/xenioo.observers.js';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';

/** Key of the sorted set of ids, in the order of acceptance. */
export const ID_SET = 'xenioo-ids';

/** Prefix of the keys that BullMQ sets, one per id. */
export const DEDUPLICATION_PREFIX = 'de:';

/**
 * BullMQ keeps a key for each id until it expires, without an upper bound. The script
 * adds the ids to a sorted set and deletes the oldest keys above `maxIds`. It returns 1 for each new
 * id and 0 for each duplicate.
 */
const SCRIPT = `
local idSet = KEYS[1]
local nowUs, maxIds, ttlMs, keyPrefix = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
redis.call('ZREMRANGEBYSCORE', idSet, '-inf', nowUs - ttlMs * 1000)
local added = {}
for index = 5, #ARGV do
  added[index - 4] = redis.call('ZADD', idSet, 'NX', nowUs + index, ARGV[index])
end
redis.call('PEXPIRE', idSet, ttlMs)
local excess = redis.call('ZCARD', idSet) - maxIds
if excess > 0 then
  local oldest = redis.call('ZPOPMIN', idSet, excess)
  for index = 1, #oldest, 2 do
    redis.call('DEL', keyPrefix .. oldest[index])
  end
end
return added`;

const IDS_PER_COMMAND = 1_000;

/** Time in milliseconds for which ids are collected before they are sent to Redis. */
const FLUSH_DELAY_MS = 50;

/** Fraction of `maxIds` by which the number of ids may exceed it. */
const TOLERANCE = 0.01;

interface Claim {
  readonly id: string;
  readonly bot: string;
}

/** Keeps the ids of accepted events in Redis, to remove the oldest above `maxIds` and to count duplicates. */
export class RedisClaims {
  private claims: Claim[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly client: Redis,
    private readonly keyOf: (name: string) => string,
    private readonly dedupe: XeniooDedupeSettings,
    private readonly reportDuplicates: (duplicates: XeniooDuplicates) => void,
  ) {}

  /** Collects the ids of several calls and sends them to Redis together; sends them at once if there are many. */
  async add(ids: readonly string[], bot: string): Promise<void> {
    for (const id of ids) this.claims.push({ id, bot });
    const maxCollected = Math.min(
      IDS_PER_COMMAND,
      this.dedupe.maxIds * TOLERANCE,
    );
    if (this.claims.length >= maxCollected) return this.flush();
    // Ignores errors: BullMQ's own key of the id still expires.
    this.timer ??= setTimeout(
      () => void this.flush().catch(() => {}),
      FLUSH_DELAY_MS,
    );
  }

  close(): void {
    clearTimeout(this.timer);
  }

  /** Sends the collected ids to Redis and reports the duplicates. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { claims } = this;
    this.claims = [];
    const { ttlSeconds, maxIds } = this.dedupe;
    for (let from = 0; from < claims.length; from += IDS_PER_COMMAND) {
      const batch = claims.slice(from, from + IDS_PER_COMMAND);
      const added = (await this.client.eval(
        SCRIPT,
        1,
        this.keyOf(ID_SET),
        // Microseconds, so that the ids of one millisecond have an order too.
        Math.floor((performance.timeOrigin + performance.now()) * 1_000),
        maxIds,
        ttlSeconds * 1_000,
        this.keyOf(DEDUPLICATION_PREFIX),
        ...batch.map(({ id }) => id),
      )) as number[];
      this.report(batch.filter((_, index) => added[index] === 0));
    }
  }

  private report(duplicates: readonly Claim[]): void {
    const counts = new Map<string, number>();
    for (const { bot } of duplicates) {
      counts.set(bot, (counts.get(bot) ?? 0) + 1);
    }
    for (const [bot, count] of counts) this.reportDuplicates({ bot, count });
  }
}
