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

describe('when only a secret is given', () => {
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

  it('takes undefined for not given', () => {
    const undefineds = { name: undefined, bots: undefined, invalid: undefined };

    expect(resolve({ ...undefineds, bodyLimit: undefined })).toEqual(
      resolve({}),
    );
  });

  it('knows no token', () => {
    expect(resolve({}).bots).toStrictEqual([
      new BotSettings({ name: 'default', secret: SECRET }),
    ]);
    expect(secretsOf({})).toEqual([[SECRET]]);
  });
});

describe('what is given', () => {
  it('takes the place of a default', () => {
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

  it('takes the place of a default in retry and dedupe, and leaves the others', () => {
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

  it('may turn retry and dedupe off', () => {
    expect(resolve({ retry: false, dedupe: false })).toMatchObject({
      retry: false,
      dedupe: false,
    });
  });

  it('names the bot of the secret', () => {
    const given = { secret: ['new', 'old'], name: 'support' };
    expect(resolve(given).bots).toEqual([{ name: 'support' }]);
    expect(secretsOf(given)).toEqual([['new', 'old']]);
  });

  it('brings each bot with its token and secrets', () => {
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

  it('brings a function that tells the bots, and does not ask it yet', () => {
    const bots = () => {
      throw new Error('asked');
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

describe('a wrong unit', () => {
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
  ])('in a bodyLimit of %o stops the boot', (bodyLimit, shown) => {
    expect(problemsOf({ secret: SECRET, bodyLimit })).toEqual([
      `expected \`bodyLimit\` to be a number of bytes or a string such as '10mb', at most '500mb', got ${shown}`,
    ]);
  });
});

describe('a wrong range', () => {
  const LONGEST = 2 ** 31 - 1;

  it.each([
    ['botsRefreshSeconds', 1, 86_400],
    ['bodyTimeoutMs', 1, LONGEST],
    ['handlerTimeoutMs', 1, LONGEST],
    ['concurrency', 1, Number.MAX_SAFE_INTEGER],
    ['acceptTimeoutMs', 0, LONGEST],
    ['shutdownTimeoutMs', 0, LONGEST],
  ])('of %s stops the boot', (name, least, most) => {
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
  ])('of invalid, as %o, stops the boot', (invalid, shown) => {
    expect(problemsOf({ secret: SECRET, invalid })).toEqual([
      `expected \`invalid\` to be 'quarantine' or 'reject', got ${shown}`,
    ]);
  });
});

describe('what can’t be in retry and dedupe', () => {
  it('stops the boot', () => {
    const given = { retry: { attempts: 0 }, dedupe: { maxIds: 0 } };

    expect(problemsOf({ secret: SECRET, ...given })).toEqual([
      'expected `retry.attempts` to be a whole number from 1 to 1000, got 0',
      'expected `dedupe.maxIds` to be a whole number from 1 to 10000000, got 0',
    ]);
  });
});

describe('a name that is no option', () => {
  it('stops the boot, and its value is not shown', () => {
    expect(problemsOf({ secert: SECRET })).toEqual([
      '`secert` is not an option here; the options are secret, bots, retry, dedupe, expectCallsWithinMinutes, name, botsRefreshSeconds, invalid, bodyLimit, bodyTimeoutMs, handlerTimeoutMs, concurrency, acceptTimeoutMs, shutdownTimeoutMs',
      expect.stringContaining('expected `secret`'),
    ]);
  });

  it.each(['maxPending', 'acknowledgeWithinMs'])(
    'stops the boot where it is an option of memoryInbox(): %s',
    name => {
      expect(problemsOf({ secret: SECRET, [name]: 1 })).toEqual([
        expect.stringMatching(`^\`${name}\` is not an option here; `),
      ]);
    },
  );

  it.each(['path', 'isGlobal', 'decorators', 'inbox'])(
    'in what a factory returns, as %s, says where it belongs',
    name => {
      expect(problemsOf({ secret: SECRET, [name]: 'x' })).toEqual([
        `\`${name}\` must be known when the module is defined: pass it to forRootAsync() beside \`useFactory\`, and not in the options that the factory returns`,
      ]);
    },
  );
});

describe('secrets that can’t work', () => {
  it.each([
    ['none', {}],
    ['an empty one', { secret: '' }],
    ['an edged one', { secret: `${SECRET}\n` }],
    ['one with the scheme', { secret: `Bearer ${SECRET}` }],
    [
      'one for two bots',
      {
        bots: [
          { name: 'a', token: 't1', secret: SECRET },
          { name: 'b', token: 't2', secret: SECRET },
        ],
      },
    ],
    [
      'one beside bots',
      { secret: SECRET, bots: [{ name: 'a', token: 't', secret: 'x' }] },
    ],
    [
      'one beside a function that tells the bots',
      { secret: SECRET, bots: () => [] },
    ],
    ['no bots at all', { bots: [] }],
  ])('%s: stop the boot', (_what, given) => {
    expect(problemsOf(given)).toHaveLength(1);
  });
});

it('tells all that is wrong at once', () => {
  const given = { secret: '', invalid: 1, concurrency: 0, retries: 5 };

  expect(problemsOf(given)).toHaveLength(4);
});

it.each([
  [undefined, 'nothing'],
  [null, 'null'],
  [SECRET, 'a string'],
  [[SECRET], 'a list'],
])('refuses %o for options', (given, kind) => {
  expect(problemsOf(given)).toEqual([
    `expected an object of options, got ${kind}`,
  ]);
});
