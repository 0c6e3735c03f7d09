import { kindOf, quote } from '../options/describe-value.js';
import { rangeProblems } from '../options/range-problems.js';
import { unknownNames } from '../options/unknown-names.js';
import { withoutUndefined } from '../options/without-undefined.js';

const NAMES = [
  'connection',
  'backend',
  'queue',
  'prefix',
  'worker',
  'keepDeadLettersDays',
];

const RANGES = { keepDeadLettersDays: [1, 36_500] } as const;

const WORKER_RANGES = {
  concurrency: [1, 10_000],
  lockDurationMs: [1_000, 3_600_000],
} as const;

/** A sentence for each option of `bullmqInbox()` that can't be; defaults are in place. */
export function bullmqOptionsProblems(options: {
  readonly [name: string]: unknown;
}): string[] {
  const { connection, backend, queue, prefix, worker } = options;
  return [
    ...unknownNames(options, NAMES),
    ...rangeProblems(options, RANGES),
    ...connectionProblems(connection, backend),
    ...nameProblems('queue', queue, /^[^\s:]+$/, 'spaces and colons'),
    ...nameProblems('prefix', prefix, /^\S+$/, 'spaces'),
    ...workerProblems(worker),
  ];
}

function connectionProblems(connection: unknown, backend: unknown): string[] {
  const problems: string[] = [];
  const isUrl = typeof connection === 'string';
  if (connection === undefined) {
    problems.push(
      'expected `connection` of bullmqInbox(): a URL as redis://… or postgres://…, or options; or import BullModule.forRoot({ connection })',
    );
  } else if (isUrl && !/^(rediss?|postgres(ql)?):\/\//.test(connection)) {
    // It may hold a password.
    problems.push(
      'expected `connection` of bullmqInbox() to begin with redis://, rediss://, postgres:// or postgresql://',
    );
  } else if (isObject(connection) && 'keyPrefix' in connection) {
    problems.push(
      'expected `connection` of bullmqInbox() to be without `keyPrefix`: BullMQ has the option `prefix` for that',
    );
  } else if (
    isObject(connection) &&
    'isCluster' in connection &&
    connection.isCluster === true
  ) {
    problems.push(
      'expected `connection` of bullmqInbox() to be no cluster: give a Redis to each shard of the events',
    );
  } else if (
    isObject(connection) &&
    'url' in connection &&
    !/^rediss?:/.test(String(connection.url))
  ) {
    problems.push(
      'expected `connection.url` of bullmqInbox() to begin with redis:// or rediss://; give a URL of PostgreSQL as `connection` itself',
    );
  } else if (!canBeRead(connection)) {
    problems.push(
      'expected `connection` of bullmqInbox() to be a URL that can be read: in a password, escape what is neither letter nor digit (encodeURIComponent); the database of Redis is a number',
    );
  } else if (!isUrl && !isObject(connection)) {
    problems.push(
      `expected \`connection\` of bullmqInbox() to be a URL or an object, got ${kindOf(connection)}`,
    );
  } else if (!isUrl && ('schema' in connection || 'totalCount' in connection)) {
    problems.push(
      'expected `connection` of bullmqInbox() to be without `schema`, and no `pg.Pool`: give the options of the pool, and a database of its own where the schema `bullmq` is taken',
    );
  }
  if (backend !== undefined && typeof backend !== 'function') {
    problems.push(
      `expected \`backend\` of bullmqInbox() to be createPostgresBackend or createRedisBackend of bullmq, got ${kindOf(backend)}`,
    );
  }
  return problems;
}

/** Whether a URL is read as it is meant, and none of its password for something else. */
function canBeRead(connection: unknown): boolean {
  const url = urlOf(connection);
  if (url === undefined) return true;
  const rest = /^\w+:\/\/[^/?#]*(.*)$/.exec(url)?.[1];
  if (rest === undefined || rest.includes('@')) return false;
  if (!/^rediss?:/.test(url)) return true;
  return URL.canParse(url) && /^(\/\d*)?$/.test(new URL(url).pathname);
}

function urlOf(connection: unknown): string | undefined {
  if (typeof connection === 'string') return connection;
  if (!isObject(connection)) return undefined;
  const { url, connectionString } = connection as Record<string, unknown>;
  const given = url ?? connectionString;
  return typeof given === 'string' ? given : undefined;
}

function nameProblems(
  option: string,
  name: unknown,
  pattern: RegExp,
  without: string,
): string[] {
  if (typeof name === 'string' && pattern.test(name)) return [];
  // A URL in the wrong place may hold a password.
  const isUrl = typeof name === 'string' && name.includes('://');
  return [
    `expected \`${option}\` of bullmqInbox() to be a name without ${without}, got ${isUrl ? 'a URL' : quote(name)}`,
  ];
}

function workerProblems(worker: unknown): string[] {
  if (typeof worker === 'boolean') return [];
  if (!isObject(worker)) {
    return [
      `expected \`worker\` of bullmqInbox() to be true, false or an object of options, got ${kindOf(worker)}`,
    ];
  }
  const options = withoutUndefined(worker);
  return [
    ...unknownNames(options, Object.keys(WORKER_RANGES)),
    ...rangeProblems(
      { concurrency: 1, lockDurationMs: 1_000, ...options },
      WORKER_RANGES,
      'worker.',
    ),
  ];
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
