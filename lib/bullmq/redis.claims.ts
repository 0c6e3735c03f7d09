import type { Redis } from 'ioredis';
import type { XeniooDedupeSettings } from '../xenioo-dedupe.js';

/** Where the ids are listed, in the order in which they were claimed. */
const LIST = 'xenioo-ids';

/**
 * BullMQ keeps a key for each id until its time is over, however many there are.
 * So they are listed beside, and past `maxIds` the oldest keys are taken away.
 */
const SCRIPT = `
local known = 0
for index = 5, #ARGV do
  local score = tonumber(ARGV[1]) + index
  known = known + 1 - redis.call('ZADD', KEYS[1], 'NX', score, ARGV[index])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1] - ARGV[3] * 1000)
local over = redis.call('ZCARD', KEYS[1]) - ARGV[2]
if over > 0 then
  local oldest = redis.call('ZPOPMIN', KEYS[1], over)
  for index = 1, #oldest, 2 do
    redis.call('DEL', ARGV[4] .. oldest[index])
  end
end
return known`;

/** Notes which ids were claimed; returns how many of them were known before. */
export async function noteClaims(
  client: Redis,
  keyOf: (name: string) => string,
  ids: readonly string[],
  { ttlSeconds, maxIds }: XeniooDedupeSettings,
): Promise<number> {
  // In microseconds, so that the ids of one call have an order too.
  const now = Math.floor((performance.timeOrigin + performance.now()) * 1_000);
  const known = await client.eval(
    SCRIPT,
    1,
    keyOf(LIST),
    now,
    maxIds,
    ttlSeconds * 1_000,
    keyOf('de:'),
    ...ids,
  );
  return Number(known);
}
