import { describe, expect, it } from 'vitest';
import { resolveXeniooOptions } from '../../../lib/options/resolve-xenioo-options.js';
import {
  BotSettings,
  type XeniooOptions,
} from '../../../lib/options/xenioo.options.js';
import { optionsErrorOf } from '../../support/options-error.js';

const SECRET = 'q7-Sesame';

function resolve(options: object) {
  return resolveXeniooOptions({ secret: SECRET, ...options });
}

function secretsOf(options: object) {
  const { bots } = resolve(options);
  if (typeof bots === 'function') throw new Error('`bots` is a function');
  return bots.map(({ secrets }) => secrets);
}

function problemsOf(given: unknown): readonly string[] {
  const error = optionsErrorOf(() =>
    resolveXeniooOptions(given as XeniooOptions),
  );
  expect(String(error)).not.toMatch(/sesame/i);
  return error?.problems ?? [];
}

describe('resolveXeniooOptions() with only a secret', () => {
  it('fills in every default', () => {
    expect(resolveXeniooOptions({ secret: SECRET })).toEqual({
      bots: [new BotSettings({ name: 'default', secret: SECRET })],
      botsRefreshSeconds: 60,
      invalid: 'quarantine',
      bodyLimitBytes: 10 * 1024 * 1024,
      bodyTimeoutMs: 10_000,
      retry: {
        attempts: 10,
        backoff: 'exponential',
        delayMs: 1_000,
        maxDelayMs: 300_000,
      },
      dedupe: { ttlSeconds: 86_400, maxIds: 100_000 },
      handlerTimeoutMs: 30_000,
      concurrency: 32,
      acceptTimeoutMs: 5_000,
      shutdownTimeoutMs: 10_000,
    });
  });

  it('treats undefined as not given', () => {
    const undefineds = { name: undefined, bots: undefined, invalid: undefined };

    expect(resolve({ ...undefineds, bodyLimit: undefined })).toEqual(
      resolve({}),
    );
  });

  it('leaves the token of the bot undefined', () => {
    expect(resolve({}).bots).toStrictEqual([
      new BotSettings({ name: 'default', secret: SECRET }),
    ]);
    expect(secretsOf({})).toEqual([[SECRET]]);
  });
});

describe('resolveXeniooOptions()', () => {
  it('overrides defaults', () => {
    const options = {
      invalid: 'reject',
      botsRefreshSeconds: 5,
      bodyTimeoutMs: 1,
      handlerTimeoutMs: 4,
      concurrency: 2,
      acceptTimeoutMs: 0,
      shutdownTimeoutMs: 0,
    };

    expect(resolve(options)).toMatchObject(options);
  });

  it('overrides single defaults of retry and dedupe', () => {
    const { retry, dedupe } = resolve({
      retry: { attempts: 3, backoff: 'fixed' },
      dedupe: { ttlSeconds: 60 },
    });

    expect(retry).toEqual({
      attempts: 3,
      backoff: 'fixed',
      delayMs: 1_000,
      maxDelayMs: 300_000,
    });
    expect(dedupe).toEqual({ ttlSeconds: 60, maxIds: 100_000 });
  });

  it('accepts false for retry and dedupe', () => {
    expect(resolve({ retry: false, dedupe: false })).toMatchObject({
      retry: false,
      dedupe: false,
    });
  });

  it('gives the bot of the secret its name', () => {
    const given = { secret: ['new', 'old'], name: 'support' };
    expect(resolve(given).bots).toEqual([{ name: 'support' }]);
    expect(secretsOf(given)).toEqual([['new', 'old']]);
  });

  it('keeps the token and secrets of each bot', () => {
    const bots = [
      { name: 'support', token: 't1', secret: 'a' },
      { name: 'sales', token: 't2', secret: ['b', 'c'] },
    ];

    expect(resolveXeniooOptions({ bots }).bots).toEqual([
      { name: 'support', token: 't1' },
      { name: 'sales', token: 't2' },
    ]);
    expect(secretsOf({ secret: undefined, bots })).toEqual([['a'], ['b', 'c']]);
  });

  it('keeps a function that returns the bots, without calling it', () => {
    const bots = () => {
      throw new Error('called');
    };

    expect(resolveXeniooOptions({ bots }).bots).toBe(bots);
  });

  it.each([
    [1, 1],
    [5_000_000, 5_000_000],
    ['512b', 512],
    ['512kb', 524_288],
    ['10mb', 10_485_760],
    ['10 MB', 10_485_760],
    ['1.5Mb', 1_572_864],
    ['0.3kb', 307],
  ])('reads a bodyLimit of %o', (bodyLimit, bytes) => {
    expect(resolve({ bodyLimit }).bodyLimitBytes).toBe(bytes);
  });
});

describe('resolveXeniooOptions() with an invalid bodyLimit', () => {
  it.each([
    ['10', '"10"'],
    ['10m', '"10m"'],
    ['10 tb', '"10 tb"'],
    ['ten mb', '"ten mb"'],
    ['-1mb', '"-1mb"'],
    ['0mb', '"0mb"'],
    ['', '""'],
    [0, '0'],
    [-1, '-1'],
    ['501mb', '"501mb"'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [null, 'null'],
    [true, 'a boolean'],
    [['10mb'], 'a list'],
  ])('rejects %o', (bodyLimit, shown) => {
    expect(problemsOf({ secret: SECRET, bodyLimit })).toEqual([
      `expected \`bodyLimit\` to be a number of bytes or a string such as '10mb', at most '500mb', got ${shown}`,
    ]);
  });
});

describe('resolveXeniooOptions() with a value out of range', () => {
  const LONGEST = 2 ** 31 - 1;

  it.each([
    ['botsRefreshSeconds', 1, 86_400],
    ['bodyTimeoutMs', 1, LONGEST],
    ['handlerTimeoutMs', 1, LONGEST],
    ['concurrency', 1, Number.MAX_SAFE_INTEGER],
    ['acceptTimeoutMs', 0, LONGEST],
    ['shutdownTimeoutMs', 0, LONGEST],
  ])('rejects it for %s', (name, least, most) => {
    for (const value of [least, most]) {
      expect(resolve({ [name]: value })).toHaveProperty(name, value);
    }
    for (const [value, shown] of [
      [least - 1, `${least - 1}`],
      [most + 1, `${most + 1}`],
      [1.5, '1.5'],
      [NaN, 'NaN'],
      [Infinity, 'Infinity'],
      ['10', '"10"'],
      ['5s', '"5s"'],
      [null, 'null'],
    ]) {
      expect(problemsOf({ secret: SECRET, [name]: value })).toEqual([
        `expected \`${name}\` to be a whole number from ${least} to ${most}, got ${shown}`,
      ]);
    }
  });

  it.each([
    ['ignore', '"ignore"'],
    [true, 'a boolean'],
    [null, 'null'],
  ])('rejects %o for invalid', (invalid, shown) => {
    expect(problemsOf({ secret: SECRET, invalid })).toEqual([
      `expected \`invalid\` to be 'quarantine' or 'reject', got ${shown}`,
    ]);
  });
});

describe('resolveXeniooOptions() with invalid retry and dedupe options', () => {
  it('reports both', () => {
    const given = { retry: { attempts: 0 }, dedupe: { maxIds: 0 } };

    expect(problemsOf({ secret: SECRET, ...given })).toEqual([
      'expected `retry.attempts` to be a whole number from 1 to 1000, got 0',
      'expected `dedupe.maxIds` to be a whole number from 1 to 10000000, got 0',
    ]);
  });
});

describe('resolveXeniooOptions() with an unknown option', () => {
  it('rejects it without showing its value', () => {
    expect(problemsOf({ secert: SECRET })).toEqual([
      '`secert` is not an option here; the options are secret, bots, retry, dedupe, expectCallsWithinMinutes, name, botsRefreshSeconds, invalid, bodyLimit, bodyTimeoutMs, handlerTimeoutMs, concurrency, acceptTimeoutMs, shutdownTimeoutMs',
      expect.stringContaining('expected `secret`'),
    ]);
  });

  it.each(['maxPending', 'acknowledgeWithinMs'])(
    'rejects an option of memoryInbox(): %s',
    name => {
      expect(problemsOf({ secret: SECRET, [name]: 1 })).toEqual([
        expect.stringMatching(`^\`${name}\` is not an option here; `),
      ]);
    },
  );

  it.each(['path', 'isGlobal', 'decorators', 'inbox'])(
    'reports where %s belongs when a factory returns it',
    name => {
      expect(problemsOf({ secret: SECRET, [name]: 'x' })).toEqual([
        `\`${name}\` must be known when the module is defined: pass it to forRootAsync() beside \`useFactory\`, and not in the options that the factory returns`,
      ]);
    },
  );
});

describe('resolveXeniooOptions() with invalid secrets', () => {
  it.each([
    ['no secret', {}],
    ['an empty secret', { secret: '' }],
    ['a secret with white space at its end', { secret: `${SECRET}\n` }],
    ['a secret with the scheme', { secret: `Bearer ${SECRET}` }],
    [
      'one secret for two bots',
      {
        bots: [
          { name: 'a', token: 't1', secret: SECRET },
          { name: 'b', token: 't2', secret: SECRET },
        ],
      },
    ],
    [
      'a secret beside `bots`',
      { secret: SECRET, bots: [{ name: 'a', token: 't', secret: 'x' }] },
    ],
    ['a secret beside a function `bots`', { secret: SECRET, bots: () => [] }],
    ['no bots at all', { bots: [] }],
  ])('rejects %s', (_what, given) => {
    expect(problemsOf(given)).toHaveLength(1);
  });
});

it('resolveXeniooOptions() reports all problems at once', () => {
  const given = { secret: '', invalid: 1, concurrency: 0, retries: 5 };

  expect(problemsOf(given)).toHaveLength(4);
});

it.each([
  [undefined, 'nothing'],
  [null, 'null'],
  [SECRET, 'a string'],
  [[SECRET], 'a list'],
])('resolveXeniooOptions() rejects %o as options', (given, kind) => {
  expect(problemsOf(given)).toEqual([
    `expected an object of options, got ${kind}`,
  ]);
});
