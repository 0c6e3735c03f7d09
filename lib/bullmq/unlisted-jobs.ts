import type { OpenQueue } from './bullmq.connection.js';
import type { XeniooJob } from './bullmq.job.js';
import { DEDUPLICATION_PREFIX, ID_SET } from './redis.claims.js';

/**
 * A script that fails is not rolled back: it may leave a job that is in no list of the
 * queue. No worker receives such a job, and adding it again has no effect.
 */
const IS_UNLISTED = `
local prefix, id = KEYS[1], ARGV[1]
local function contains(command, name)
  local found = redis.pcall(command, prefix .. name, id)
  if type(found) ~= 'table' then return found end
  -- A key of another type contains no job.
  if not string.find(found.err, '^WRONGTYPE') then error(found.err) end
end
local function isUnlisted()
  if redis.call('EXISTS', prefix .. id) == 0 then return false end
  for _, name in ipairs({'wait', 'paused', 'active'}) do
    if contains('LPOS', name) then return false end
  end
  for _, name in ipairs({'delayed', 'prioritized', 'failed', 'completed'}) do
    if contains('ZSCORE', name) then return false end
  end
  return true
end`;

/** Removes the job and the key with which BullMQ finds its duplicates; the key too if the job is missing and its id was never accepted. */
const REMOVE = `${IS_UNLISTED}
local isMissing = redis.call('EXISTS', prefix .. id) == 0
if isUnlisted() then redis.call('DEL', prefix .. id)
elseif not isMissing or contains('ZSCORE', ARGV[2]) then return end
redis.call('DEL', prefix .. ARGV[3] .. id)`;

/** Makes the job an active one without a lock; workers return those to the queue. */
const RETURN = `${IS_UNLISTED}
if not isUnlisted() then
  return
end
redis.call('LPUSH', prefix .. 'active', id)`;

/** Makes the job a failed one, as it was. */
const RETURN_TO_FAILED = `${IS_UNLISTED}
if not isUnlisted() then return end
redis.call('HSET', prefix .. id, 'finishedOn', ARGV[2], 'failedReason', ARGV[3], 'atm', ARGV[4])
redis.call('ZADD', prefix .. 'failed', ARGV[2], id)`;

type Redis = Pick<OpenQueue, 'client' | 'queue'>;

/** Removes those of the jobs that failed to be added and are in no list, so that they can be added again. */
export async function removeUnlisted(
  { client, queue }: Redis,
  jobIds: readonly string[],
): Promise<void> {
  const prefix = queue.toKey('');
  await Promise.all(
    jobIds.map(id =>
      client.eval(REMOVE, 1, prefix, id, ID_SET, DEDUPLICATION_PREFIX),
    ),
  );
}

/** Returns a job that failed to be moved to the queue, if it is in no list. */
export async function returnUnlisted(
  { client, queue }: Redis,
  jobId: string,
): Promise<void> {
  await client.eval(RETURN, 1, queue.toKey(''), jobId);
}

/** Returns a job that failed to be retried to the dead letters, if it is in no list. */
export async function returnToFailed(
  { client, queue }: Redis,
  jobId: string,
  before: Pick<XeniooJob, 'failedReason' | 'attemptsMade'> & {
    readonly finishedOn: number | undefined;
  },
): Promise<void> {
  const { failedReason, finishedOn = Date.now(), attemptsMade } = before;
  const args = [jobId, finishedOn, failedReason, attemptsMade];
  await client.eval(RETURN_TO_FAILED, 1, queue.toKey(''), ...args);
}
