import { Logger } from '@nestjs/common';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { BotRegistry } from '../../../lib/webhook/bot.registry.js';
import { XeniooOptionsError } from '../../../lib/xenioo.errors.js';
import type { XeniooBot } from '../../../lib/options/xenioo.options.js';
import { LogRecorder } from '../../support/log-recorder.js';

const SUPPORT = { name: 'support', token: 't1', secret: 'q7-Sesame' };
const SALES = { name: 'sales', token: 't2', secret: ['Barley-8w', 'Rye-9x'] };
const UNKNOWN = { refusal: 'unknown-secret' };

const REFRESH_MS = 60_000;
const UNKNOWN_MS = 5_000;

type Answer = XeniooBot[] | Promise<XeniooBot[]>;

let logs: LogRecorder;

beforeEach(() => {
  logs = new LogRecorder();
  Logger.overrideLogger(logs);
});

/** A host's function `bots` that answers as the test says, and a registry that calls it. */
class Vault {
  asked = 0;
  answer: () => Answer = () => [SUPPORT];
  time = 1_000;

  constructor(
    private readonly botsRefreshSeconds = 60,
    private readonly now = () => this.time,
  ) {}

  readonly registry = new BotRegistry(
    {
      bots: () => {
        this.asked++;
        return this.answer();
      },
      botsRefreshSeconds: this.botsRefreshSeconds,
    },
    () => this.now(),
  );

  readonly boot = () => this.registry.onApplicationBootstrap();

  /** The name of the bot that a secret belongs to, or what is wrong with it. */
  readonly whose = async (secret: string) => {
    const { bot, refusal } = await this.registry.verify(`Bearer ${secret}`);
    return bot?.name ?? refusal;
  };

  /** Answers the next questions when the test says so. */
  later() {
    const open: Record<'resolve' | 'reject', (answer: never) => void>[] = [];
    this.answer = () =>
      new Promise<XeniooBot[]>((resolve, reject) =>
        open.push({ resolve, reject }),
      );
    return {
      answer: (question: number, bots: XeniooBot[]) =>
        open[question]!.resolve(bots as never),
      fail: (question: number, error: unknown) =>
        open[question]!.reject(error as never),
    };
  }
}

async function booted(botsRefreshSeconds?: number): Promise<Vault> {
  const vault = new Vault(botsRefreshSeconds);
  await vault.boot();
  return vault;
}

const fails = () => {
  throw new Error('vault is sealed');
};

const manyBots = (count: number): XeniooBot[] =>
  Array.from({ length: count }, (_, n) => ({
    name: `bot-${n}`,
    token: `token-${n}`,
    secret: `secret-${n}`,
  }));

describe('bots that are a list', () => {
  it('are known by their secrets', async () => {
    const bots = [{ name: 'support', secrets: ['q7-Sesame', 'q8-Sesame'] }];
    const registry = new BotRegistry({ bots, botsRefreshSeconds: 60 });
    await registry.onApplicationBootstrap();

    for (const secret of bots[0]!.secrets) {
      expect(await registry.verify(`Bearer ${secret}`)).toEqual({
        bot: bots[0],
      });
    }
    expect(await registry.verify('Bearer another')).toEqual(UNKNOWN);
    expect(await registry.verify(undefined)).toEqual({ refusal: 'missing' });
  });
});

describe('a function', () => {
  it('is not asked before the application boots, and then once', async () => {
    const vault = new Vault();
    expect(vault.asked).toBe(0);

    await vault.boot();
    expect(vault.asked).toBe(1);
  });

  it.each<[string, () => Answer]>([
    ['at once', () => [SUPPORT, SALES]],
    ['later', async () => [SUPPORT, SALES]],
  ])(
    'that answers %s tells each bot by any of its secrets',
    async (_w, bots) => {
      const vault = new Vault();
      vault.answer = bots;
      await vault.boot();

      expect(await vault.whose('q7-Sesame')).toBe('support');
      expect(await vault.whose('Barley-8w')).toBe('sales');
      expect(await vault.whose('Rye-9x')).toBe('sales');
      expect(await vault.registry.verify('q7-Sesame')).toEqual({
        bot: { name: 'support', token: 't1' },
      });
    },
  );

  it('keeps the boot waiting until it has answered', async () => {
    const vault = new Vault();
    const { answer } = vault.later();
    const steps: string[] = [];
    const boot = vault.boot().then(() => steps.push('booted'));
    await new Promise(setImmediate);
    steps.push('answers');
    answer(0, [SUPPORT]);
    await boot;

    expect(steps).toEqual(['answers', 'booted']);
    expect(await vault.whose('q7-Sesame')).toBe('support');
  });

  it('may know no bots yet', async () => {
    const vault = new Vault();
    vault.answer = () => [];
    await vault.boot();

    expect(await vault.whose('q7-Sesame')).toBe('unknown-secret');
    expect(logs.lines).toEqual([]);
  });
});

describe('a function that fails while the application boots', () => {
  it.each<[string, () => Answer]>([
    ['at once', fails],
    ['later', async () => fails()],
  ])('%s, stops it, and the error tells why', async (_when, answer) => {
    const vault = new Vault();
    vault.answer = answer;
    const error: unknown = await vault.boot().catch((e: unknown) => e);

    expect(error).toBeInstanceOf(XeniooOptionsError);
    expect(error).toMatchObject({
      problems: [
        'the function `bots` failed, and without its list no call can be authenticated: vault is sealed',
      ],
      cause: new Error('vault is sealed'),
    });
  });

  it('with something that is no error, stops it too', async () => {
    const vault = new Vault();
    const thrown: unknown = Object.create(null);
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors
    vault.answer = () => Promise.reject(thrown);

    await expect(vault.boot()).rejects.toMatchObject({
      name: 'XeniooOptionsError',
      cause: thrown,
    });
  });

  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /`bots` to be a list .* got nothing/],
    ['one bot', SUPPORT, /`bots` to be a list .* got an object/],
    ['a secret', 'q7-Sesame', /`bots` to be a list .* got a string/],
    ['no secret', [{ ...SUPPORT, secret: '' }], /`bots\[0\]\.secret`/],
    [
      'two bots of one secret',
      [SUPPORT, { ...SALES, secret: SUPPORT.secret }],
      /each bot to have its own `secret`/,
    ],
    [
      'an edged secret',
      [{ ...SUPPORT, secret: 'q7-Sesame\n' }],
      /no white space at its ends/,
    ],
  ])(
    'for its answer is %s, stops it without a secret',
    async (_w, bots, text) => {
      const vault = new Vault();
      vault.answer = () => bots as XeniooBot[];
      const error: unknown = await vault.boot().catch((e: unknown) => e);

      expect(error).toBeInstanceOf(XeniooOptionsError);
      expect(String(error)).toMatch(text);
      expect(String(error)).not.toMatch(/sesame|barley/i);
    },
  );
});

describe('when botsRefreshSeconds have passed', () => {
  it('asks with the next call, which has the answer', async () => {
    const vault = await booted();
    vault.answer = () => [SALES];
    vault.time += REFRESH_MS - 1;
    expect(await vault.whose('q7-Sesame')).toBe('support');
    expect(vault.asked).toBe(1);

    vault.time += 1;
    expect(await vault.whose('q7-Sesame')).toBe('unknown-secret');
    expect(await vault.whose('Rye-9x')).toBe('sales');
    expect(vault.asked).toBe(2);
  });

  it('asks once for all callers', async () => {
    const vault = await booted();
    const { answer } = vault.later();
    vault.time += REFRESH_MS;
    const calls = Array.from({ length: 50 }, () => vault.whose('Barley-8w'));
    answer(0, [SALES]);

    expect(new Set(await Promise.all(calls))).toEqual(new Set(['sales']));
    expect(vault.asked).toBe(2);
  });

  it('asks no more often, however long calls come', async () => {
    const vault = await booted(10);
    for (let second = 0; second < 100; second++) {
      vault.time += 1_000;
      expect(await vault.whose('q7-Sesame')).toBe('support');
    }

    expect(vault.asked).toBe(1 + 10);
  });

  it('asks nothing while nobody calls', async () => {
    const vault = await booted();
    vault.time += 100 * REFRESH_MS;
    await new Promise(setImmediate);
    expect(vault.asked).toBe(1);

    await vault.whose('q7-Sesame');
    expect(vault.asked).toBe(2);
  });
});

describe('on a secret that nobody knows', () => {
  it('asks, and a new bot enters with its first call', async () => {
    const vault = await booted();
    vault.answer = () => [SUPPORT, SALES];
    vault.time += UNKNOWN_MS;

    expect(await vault.whose('Barley-8w')).toBe('sales');
    expect(await vault.whose('q7-Sesame')).toBe('support');
    expect(vault.asked).toBe(2);
  });

  it.each([
    ['in the header', 'Bearer new-Sesame', 'new-Sesame'],
    ['alone', 'new-Sesame', 'new-Sesame'],
    ['with white space inside', 'Bearer new Sesame', 'new Sesame'],
    ['alone with white space inside', 'new Sesame', 'new Sesame'],
    [
      'that differs from a known one by white space',
      'Bearer q7- Sesame',
      'q7- Sesame',
    ],
  ])('%s, asks', async (_where, authorization, secret) => {
    const vault = await booted();
    vault.answer = () => [{ ...SALES, secret }];
    vault.time += UNKNOWN_MS;

    expect(await vault.registry.verify(authorization)).toMatchObject({
      bot: { name: 'sales' },
    });
  });

  it('asks at most once in 5 s, for all callers together', async () => {
    const vault = await booted();
    const strangers = async () => {
      const calls = Array.from({ length: 100 }, (_, n) => vault.whose(`x${n}`));
      expect(new Set(await Promise.all(calls))).toEqual(
        new Set(['unknown-secret']),
      );
      return vault.asked;
    };

    expect(await strangers()).toBe(1);
    vault.time += UNKNOWN_MS;
    expect(await strangers()).toBe(2);
    vault.time += UNKNOWN_MS - 1;
    expect(await strangers()).toBe(2);
    vault.time += 1;
    expect(await strangers()).toBe(3);
  });

  it('asks no sooner where that failed', async () => {
    const vault = await booted();
    vault.answer = fails;
    for (let second = 0; second < 20; second++) {
      vault.time += 1_000;
      await vault.whose('stranger');
    }

    expect(vault.asked).toBe(1 + 4);
  });

  it('asks, and on no other', async () => {
    const vault = await booted();
    vault.time += REFRESH_MS - 1;
    await vault.whose('q7-Sesame');
    await vault.registry.verify(undefined);

    expect(vault.asked).toBe(1);
  });
});

describe('an answer that fails or can’t be', () => {
  it('keeps the last good one, and is logged with its stack', async () => {
    const vault = await booted();
    vault.answer = async () => fails();
    vault.time += REFRESH_MS;

    expect(await vault.whose('q7-Sesame')).toBe('support');
    expect(logs.lines).toMatchObject([{ level: 'error' }]);
    expect(logs.ofXenioo()).toEqual([
      expect.stringMatching(
        /the previous list stays in use\. Fix the function `bots`: vault is sealed\nError: vault is sealed\n/,
      ),
    ]);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a bot that is a secret', ['Barley-8w']],
    ['a secret with its scheme', [{ ...SALES, secret: 'Bearer Barley-8w' }]],
    ['a good bot beside a bad one', [SALES, { ...SUPPORT, token: '' }]],
    ['two bots of one name', [SALES, { ...SUPPORT, name: 'sales' }]],
    ['two bots of one token', [SALES, { ...SUPPORT, token: 't2' }]],
    ['two bots of one secret', [SALES, { ...SUPPORT, secret: 'Barley-8w' }]],
  ])('as %s, keeps it whole, and shows no secret', async (_what, answer) => {
    const vault = await booted();
    vault.answer = () => answer as XeniooBot[];
    vault.time += REFRESH_MS;

    expect(await vault.whose('q7-Sesame')).toBe('support');
    expect(await vault.whose('Barley-8w')).toBe('unknown-secret');
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(
        /the previous list stays in use\. Fix the function `bots`: .*expected/s,
      ),
    ]);
    expect(JSON.stringify(logs.lines)).not.toMatch(/sesame|barley|rye/i);
  });

  it('does not keep the next good one out', async () => {
    const vault = await booted();
    vault.answer = fails;
    vault.time += REFRESH_MS;
    await vault.whose('q7-Sesame');
    vault.answer = () => [SALES];
    vault.time += REFRESH_MS;

    expect(await vault.whose('Barley-8w')).toBe('sales');
  });

  it('may be anything', async () => {
    const secret = fc.constantFrom<unknown>('Barley-8w', ' Barley-8w', '', 7);
    const bot = fc.record(
      {
        name: fc.constantFrom<unknown>('sales', '', null),
        token: fc.constantFrom<unknown>('t2', 't3 ', undefined),
        secret: fc.oneof(secret, fc.array(secret, { maxLength: 2 })),
        extra: secret,
      },
      { requiredKeys: ['extra'] },
    );
    const answer = fc
      .oneof(fc.array(bot, { minLength: 1, maxLength: 3 }), bot, fc.anything())
      .filter(value => !Array.isArray(value) || value.length > 0);
    const vault = await booted();

    await fc.assert(
      fc.asyncProperty(answer, async value => {
        logs.lines.splice(0);
        vault.answer = () => value as XeniooBot[];
        vault.time += REFRESH_MS;

        expect(await vault.whose('q7-Sesame')).toBe('support');
        expect(await vault.whose('Barley-8w')).toBe('unknown-secret');
        expect(logs.ofXenioo('error')).toHaveLength(1);
        expect(logs.ofXenioo('error')[0]).not.toContain('Barley');
      }),
      { numRuns: 250 },
    );
  });
});

describe('answers that come late', () => {
  /** Two questions that are both open. */
  async function asked() {
    const vault = await booted();
    const { answer, fail } = vault.later();
    const calls = [0, 1].map(() => {
      vault.time += REFRESH_MS;
      return vault.whose('q7-Sesame');
    });
    expect(vault.asked).toBe(3);
    return { vault, answer, fail, calls: () => Promise.all(calls) };
  }

  it('are used when they come', async () => {
    const { vault, answer, calls } = await asked();
    answer(0, [SUPPORT]);
    answer(1, [SALES]);
    await calls();

    expect(await vault.whose('q7-Sesame')).toBe('unknown-secret');
    expect(await vault.whose('Rye-9x')).toBe('sales');
  });

  it('don’t take the place of a newer question’s', async () => {
    const { vault, answer, calls } = await asked();
    answer(1, [SALES]);
    await new Promise(setImmediate);
    answer(0, [SUPPORT]);
    await calls();

    expect(await vault.whose('q7-Sesame')).toBe('unknown-secret');
    expect(await vault.whose('Barley-8w')).toBe('sales');
  });

  it('are better than none, where the newer question failed', async () => {
    const { vault, answer, fail, calls } = await asked();
    fail(1, new Error('vault is sealed'));
    await new Promise(setImmediate);
    answer(0, [SALES]);
    await calls();

    expect(await vault.whose('Barley-8w')).toBe('sales');
  });

  it('and fail, leave the newer one’s', async () => {
    const { vault, answer, fail, calls } = await asked();
    answer(1, [SALES]);
    await new Promise(setImmediate);
    fail(0, new Error('timed out'));
    await calls();

    expect(await vault.whose('Barley-8w')).toBe('sales');
    expect(logs.ofXenioo('error')).toHaveLength(1);
  });
});

describe('when the function never answers', () => {
  const never = () => new Promise<XeniooBot[]>(() => {});

  it('callers wait 2 s for it together, and then not at all', async () => {
    const { vault, call, pass } = await inFakeTime();
    await pass(REFRESH_MS);
    const answered = async () => {
      const calls = ['q7-Sesame', 'x', 'y', 'q7-Sesame'].map(call);
      await pass(3_000);
      return {
        owners: await Promise.all(calls.map(({ owner }) => owner)),
        waited: await Promise.all(calls.map(({ waited }) => waited)),
      };
    };
    const owners = ['support', 'unknown-secret', 'unknown-secret', 'support'];

    expect(await answered()).toEqual({
      owners,
      // A known secret waits only where it is the one that asks.
      waited: [2_000, 2_000, 2_000, 0],
    });
    expect(await answered()).toEqual({ owners, waited: [0, 0, 0, 0] });
    expect(vault.asked).toBe(2);
  });

  /** A vault in a time that the test lets pass. */
  async function inFakeTime(botsRefreshSeconds?: number) {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const vault = new Vault(botsRefreshSeconds, Date.now);
    await vault.boot();
    vault.answer = never;
    const call = (secret: string) => {
      const started = Date.now();
      const owner = vault.whose(secret);
      return { owner, waited: owner.then(() => Date.now() - started) };
    };
    return { vault, call, pass: vi.advanceTimersByTimeAsync.bind(vi) };
  }

  it('one who comes later waits for what is left of the 2 s', async () => {
    const { call, pass } = await inFakeTime();
    await pass(UNKNOWN_MS);
    const first = call('x');
    await pass(1_500);
    const second = call('y');
    await pass(10_000);

    expect(await first.waited).toBe(2_000);
    expect(await second.waited).toBe(500);
  });

  it('the next question is waited for again', async () => {
    const { vault, call, pass } = await inFakeTime();
    await pass(UNKNOWN_MS);
    const first = call('x');
    await pass(UNKNOWN_MS);
    const second = call('x');
    await pass(UNKNOWN_MS);

    expect(await first.waited).toBe(2_000);
    expect(await second.waited).toBe(2_000);
    expect(vault.asked).toBe(3);
  });

  it('nobody waits longer than 2 s where questions overlap', async () => {
    const { call, pass } = await inFakeTime(1);
    await pass(1_000);
    call('q7-Sesame');
    await pass(900);
    const stranger = call('x');
    await pass(100);
    call('q7-Sesame');
    await pass(999);
    call('q7-Sesame');
    await pass(10_000);

    expect(await stranger.waited).toBeLessThanOrEqual(2_000);
  });

  it('no timer is left behind of an answer in time', async () => {
    const { vault, call, pass } = await inFakeTime();
    vault.answer = async () => [SALES];
    await pass(REFRESH_MS);
    await call('Barley-8w').waited;

    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('in the boot log', () => {
  it.each<[XeniooBot[], string]>([
    [[], '0 bots'],
    [[SUPPORT, SALES], 'support, sales'],
    [manyBots(11), '11 bots'],
  ])('%# bots are named while they are few', async (bots, words) => {
    const vault = new Vault();
    vault.answer = () => bots;
    await vault.boot();

    expect(vault.registry.describe()).toBe(words);
  });
});

describe('with 10,000 bots', () => {
  async function registryOf(count: number): Promise<BotRegistry> {
    const { registry } = Object.assign(new Vault(), {
      answer: () => manyBots(count),
    });
    await registry.onApplicationBootstrap();
    return registry;
  }

  async function fastest(registry: BotRegistry, header: string) {
    const started = performance.now();
    for (let n = 0; n < 50; n++) await registry.verify(header);
    return performance.now() - started;
  }

  it('each has its own secret', async () => {
    const registry = await registryOf(10_000);

    for (const n of [0, 1, 4_999, 9_999]) {
      expect(await registry.verify(`Bearer secret-${n}`)).toMatchObject({
        bot: { name: `bot-${n}` },
      });
    }
    expect(await registry.verify('Bearer secret-10000')).toEqual(UNKNOWN);
  });

  it.each([
    ['right', 'Bearer secret-0', 'Bearer secret-9999'],
    ['wrong', 'Bearer wrong', 'Bearer wrong'],
  ])('a %s secret costs as much as with one', async (_what, one, many) => {
    const few = await registryOf(1);
    const all = await registryOf(10_000);
    const times = { few: Infinity, all: Infinity };
    for (let round = 0; round < 64; round++) {
      times.few = Math.min(times.few, await fastest(few, one));
      times.all = Math.min(times.all, await fastest(all, many));
    }

    expect(times.all / times.few).toBeLessThan(3);
  });
});
