import type { Redis } from 'ioredis';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';

/** Where the ids are listed, in the order in which they were claimed. */
const LIST = 'xenioo-ids';

/**
 * BullMQ keeps a key for each id until its time is over, however many there are.
 * So they are listed beside, and past `maxIds` the oldest keys are taken away.
 */
const SCRIPT = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1] - ARGV[3] * 1000)
local fresh = redis.call('ZADD', KEYS[1], 'NX', unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local over = redis.call('ZCARD', KEYS[1]) - ARGV[2]
if over > 0 then
  local oldest = redis.call('ZPOPMIN', KEYS[1], over)
  for index = 1, #oldest, 2 do
    redis.call('DEL', ARGV[4] .. oldest[index])
  end
end
return fresh`;

/** How many ids are listed together at most, and how long they wait for that. */
const IDS_AT_ONCE = 1_000;
const LIST_WITHIN_MS = 50;

/** One in so many of the limit may be past it. */
const PARTS_OF_LIMIT = 100;

/** Forgets ids that were claimed long ago, or past `maxIds`. */
export class RedisClaims {
  private ids: string[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly client: Redis,
    private readonly keyOf: (name: string) => string,
  ) {}

  /** These ids were claimed, unless they were known; how many were is told later. */
  async note(
    ids: readonly string[],
    dedupe: XeniooDedupeSettings,
    onKnown: (count: number) => void,
  ): Promise<void> {
    for (const id of ids) this.ids.push(id);
    const most = Math.min(IDS_AT_ONCE, dedupe.maxIds / PARTS_OF_LIMIT);
    const list = async () => onKnown(await this.list(dedupe));
    if (this.ids.length >= most) return list();
    // What is not listed is forgotten when its time is over.
    this.timer ??= setTimeout(
      () => void list().catch(() => {}),
      LIST_WITHIN_MS,
    );
  }

  end(): void {
    clearTimeout(this.timer);
  }

  private async list({
    ttlSeconds,
    maxIds,
  }: XeniooDedupeSettings): Promise<number> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { ids } = this;
    this.ids = [];
    if (ids.length === 0) return 0;
    // In microseconds, so that the ids of one call have an order too.
    const now = Math.floor(
      (performance.timeOrigin + performance.now()) * 1_000,
    );
    let known = 0;
    for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
      const some = ids.slice(from, from + IDS_AT_ONCE);
      const fresh = await this.client.eval(
        SCRIPT,
        1,
        this.keyOf(LIST),
        now,
        maxIds,
        ttlSeconds * 1_000,
        this.keyOf('de:'),
        ...some.flatMap((id, index) => [now + from + index, id]),
      );
      known += some.length - Number(fresh);
    }
    return known;
  }
}
