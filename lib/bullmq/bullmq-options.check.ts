import { kindOf, quote } from '../options/describe-value.js';
import { rangeProblems } from '../options/range-problems.js';
import { unknownNameProblems } from '../options/unknown-name-problems.js';

const NAMES = [
  'connection',
  'queue',
  'prefix',
  'worker',
  'deadLetterRetentionDays',
];

const RANGES = { deadLetterRetentionDays: [1, 36_500] } as const;

/** Returns a sentence for each invalid option of `bullmqInbox()`. The options contain their defaults. */
export function bullmqOptionsProblems(options: {
  readonly [name: string]: unknown;
}): string[] {
  const { connection, queue, prefix, worker } = options;
  return [
    ...unknownNameProblems(options, NAMES),
    ...rangeProblems(options, RANGES),
    ...connectionProblems(connection),
    ...nameProblems('queue', queue, /^[^\s:]+$/, 'spaces and colons'),
    ...nameProblems('prefix', prefix, /^\S+$/, 'spaces'),
    ...(typeof worker === 'boolean'
      ? []
      : [
          `expected \`worker\` of bullmqInbox() to be true or false, got ${kindOf(worker)}`,
        ]),
  ];
}

/** Returns problems of the connection, without its value: it may contain a password. */
function connectionProblems(connection: unknown): string[] {
  const expected = 'expected `connection` of bullmqInbox() to be';
  if (typeof connection !== 'string' && !isObject(connection)) {
    return [
      `${expected} a URL (redis://…), options or a client of ioredis, got ${kindOf(connection)}`,
    ];
  }
  const url = urlOf(connection);
  if (url !== undefined && !/^rediss?:\/\//.test(url)) {
    return [`${expected} a URL that begins with redis:// or rediss://`];
  }
  if (url !== undefined && !isReadable(url)) {
    return [
      `${expected} a valid URL: escape every character of the password that is neither a letter nor a digit (encodeURIComponent); the database is a number`,
    ];
  }
  if (typeof connection === 'string') return [];
  const port = optionOf(connection, 'port');
  if (port !== undefined && !isPort(port)) {
    return [`${expected} with a \`port\` from 1 to 65535, got ${quote(port)}`];
  }
  if ('isCluster' in connection && connection.isCluster === true) {
    return [
      `${expected} a single Redis, got a cluster: BullMQ keeps a queue on one node. Distribute the bots over several Redis servers`,
    ];
  }
  if (optionOf(connection, 'keyPrefix')) {
    return [
      `${expected} without \`keyPrefix\`: use the option \`prefix\` of bullmqInbox()`,
    ];
  }
  return [];
}

/** Returns an option of ioredis, of its options or of a client. */
function optionOf(connection: object, name: 'port' | 'keyPrefix'): unknown {
  const options: unknown =
    'options' in connection ? connection.options : connection;
  return isObject(options)
    ? (options as Record<typeof name, unknown>)[name]
    : undefined;
}

function isPort(port: unknown): boolean {
  if (port === null || port === '') return true; // ioredis uses its default.
  const number = Number(port);
  return Number.isInteger(number) && number > 0 && number < 65_536;
}

/** Returns true if no unescaped character of the password ends up in another part of the URL. */
function isReadable(url: string): boolean {
  const rest = /^\w+:\/\/[^/?#]*(.*)$/.exec(url)?.[1];
  if (rest === undefined || rest.includes('@')) return false;
  return URL.canParse(url) && /^(\/\d*)?$/.test(new URL(url).pathname);
}

function urlOf(connection: string | object): string | undefined {
  if (typeof connection === 'string') return connection;
  return 'url' in connection ? String(connection.url) : undefined;
}

function nameProblems(
  option: string,
  name: unknown,
  pattern: RegExp,
  without: string,
): string[] {
  if (typeof name === 'string' && pattern.test(name)) return [];
  // A URL in the wrong option may contain a password.
  const isUrl = typeof name === 'string' && name.includes('://');
  return [
    `expected \`${option}\` of bullmqInbox() to be a name without ${without}, got ${isUrl ? 'a URL' : quote(name)}`,
  ];
}

/** Returns true for an object that is not an array. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
