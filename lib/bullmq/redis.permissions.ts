import type { Redis } from 'ioredis';

/**
 * Runs commands of BullMQ's scripts that write, on keys which it deletes again. Returns the
 * first error about a missing permission. Other errors, such as a full memory, may be temporary.
 */
const SCRIPT = `
local key = KEYS[1]
local failure = false
local function try(...)
  local answer = redis.pcall(...)
  if failure or type(answer) ~= 'table' or not answer.err then return end
  local text = string.lower(answer.err)
  for _, part in ipairs({'noperm', "can't run", "can't access", 'no permissions', 'unknown redis command'}) do
    if string.find(text, part, 1, true) then
      failure = '\`' .. (...) .. '\`: ' .. answer.err
    end
  end
end
try('SET', key, '1', 'PX', 1000)
try('GET', key)
try('INCR', key)
try('PTTL', key)
try('EXISTS', key)
try('DEL', key)
for _, push in ipairs({'LPUSH', 'RPUSH'}) do try(push, key, '1') end
try('RPOPLPUSH', key, key)
try('LPOS', key, '1')
try('LLEN', key)
try('LRANGE', key, 0, -1)
try('LTRIM', key, 0, 0)
try('LREM', key, 0, '1')
try('RPOP', key)
try('DEL', key)
for _, set in ipairs({'HSET', 'HMSET'}) do try(set, key, 'a', '1') end
for _, get in ipairs({'HGET', 'HMGET', 'HEXISTS'}) do try(get, key, 'a') end
try('HGETALL', key)
try('HINCRBY', key, 'a', 1)
try('HDEL', key, 'a')
try('DEL', key)
try('ZADD', key, 0, '1')
try('ZCARD', key)
try('ZSCORE', key, '1')
for _, range in ipairs({'ZRANGE', 'ZREVRANGE'}) do try(range, key, 0, -1) end
try('ZRANGEBYSCORE', key, 0, 1)
try('ZREVRANGEBYSCORE', key, 1, 0)
try('ZREMRANGEBYSCORE', key, 2, 3)
try('ZREM', key, '2')
try('ZPOPMIN', key)
try('DEL', key)
try('SADD', key, '1')
try('SREM', key, '2')
try('SMEMBERS', key)
try('SCARD', key)
try('DEL', key)
try('XADD', key, 'MAXLEN', '~', 1, '*', 'a', '1')
try('XTRIM', key, 'MAXLEN', '~', 1)
try('DEL', key)
return failure`;

/** @throws {Error} if the user of Redis may not run a command that BullMQ needs, or not on the keys of the queue */
export async function assertPermitted(
  client: Redis,
  key: string,
): Promise<void> {
  // BullMQ runs its scripts with this command; here, no script has the hash.
  await client.evalsha('0'.repeat(40), 0).catch((error: Error) => {
    if (!error.message.startsWith('NOSCRIPT')) throw error;
  });
  const failure = (await client.eval(SCRIPT, 1, key)) as string | null;
  if (failure !== null) throw new Error(failure);
}
