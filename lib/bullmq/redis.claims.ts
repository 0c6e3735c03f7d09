import type { Redis } from 'ioredis';
import type { XeniooDuplicates } from '../handlers/xenioo.observers.js';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';

/** The key of the list of ids, in the order in which they were accepted. */
const LIST = 'xenioo-ids';

/** The prefix of BullMQ's own keys, one per id. */
const DEDUPLICATION = 'de:';

/**
 * BullMQ keeps a key for each id until its time is over, however many there are.
 * This lists the ids, and past `maxIds` deletes the oldest keys. Returns for each
 * id whether it is new.
 */
const SCRIPT = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1] - ARGV[3] * 1000)
local added = {}
for index = 5, #ARGV do
  added[index - 4] = redis.call('ZADD', KEYS[1], 'NX', ARGV[1] + index, ARGV[index])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local over = redis.call('ZCARD', KEYS[1]) - ARGV[2]
if over > 0 then
  local oldest = redis.call('ZPOPMIN', KEYS[1], over)
  for index = 1, #oldest, 2 do
    redis.call('DEL', ARGV[4] .. oldest[index])
  end
end
return added`;

const IDS_PER_COMMAND = 1_000;
const LIST_WITHIN_MS = 50;

/** The number of ids may exceed `maxIds` by one in so many. */
const PARTS_OF_LIMIT = 100;

interface Claim {
  readonly id: string;
  readonly bot: string;
}

/** Lists the ids of accepted events, so that the oldest are forgotten past `maxIds` and duplicates are counted. */
export class RedisClaims {
  private claims: Claim[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly client: Redis,
    private readonly keyOf: (name: string) => string,
    private readonly dedupe: XeniooDedupeSettings,
    private readonly reportDuplicates: (duplicates: XeniooDuplicates) => void,
  ) {}

  /** Lists ids, with those of other calls and a moment later where they are few. */
  async add(ids: readonly string[], bot: string): Promise<void> {
    for (const id of ids) this.claims.push({ id, bot });
    const most = Math.min(IDS_PER_COMMAND, this.dedupe.maxIds / PARTS_OF_LIMIT);
    if (this.claims.length >= most) return this.list();
    // An id that is never listed is forgotten when its time is over.
    this.timer ??= setTimeout(
      () => void this.list().catch(() => {}),
      LIST_WITHIN_MS,
    );
  }

  close(): void {
    clearTimeout(this.timer);
  }

  /** Lists what was added, and reports the duplicates. */
  async list(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { claims } = this;
    this.claims = [];
    const { ttlSeconds, maxIds } = this.dedupe;
    for (let from = 0; from < claims.length; from += IDS_PER_COMMAND) {
      const some = claims.slice(from, from + IDS_PER_COMMAND);
      const added = (await this.client.eval(
        SCRIPT,
        1,
        this.keyOf(LIST),
        // In microseconds: the ids of one millisecond have an order too.
        Math.floor((performance.timeOrigin + performance.now()) * 1_000),
        maxIds,
        ttlSeconds * 1_000,
        this.keyOf(DEDUPLICATION),
        ...some.map(({ id }) => id),
      )) as number[];
      this.report(some.filter((_, index) => added[index] === 0));
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
