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

/** Function `bots` whose answer the test sets, and a registry that calls it. */
class BotVault {
  calls = 0;
  answer: () => Answer = () => [SUPPORT];
  time = 1_000;

  constructor(
    private readonly botsRefreshSeconds = 60,
    private readonly now = () => this.time,
  ) {}

  readonly registry = new BotRegistry(
    {
      bots: () => {
        this.calls++;
        return this.answer();
      },
      botsRefreshSeconds: this.botsRefreshSeconds,
    },
    () => this.now(),
  );

  readonly boot = () => this.registry.onApplicationBootstrap();

  /** Returns the name of the bot of a secret, or the reason for the refusal. */
  readonly botOrRefusalOf = async (secret: string) => {
    const { bot, refusal } = await this.registry.verify(`Bearer ${secret}`);
    return bot?.name ?? refusal;
  };

  /** Leaves the next calls of the function pending until the test settles them. */
  deferAnswers() {
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

async function bootVault(botsRefreshSeconds?: number): Promise<BotVault> {
  const vault = new BotVault(botsRefreshSeconds);
  await vault.boot();
  return vault;
}

const throwSealed = () => {
  throw new Error('vault is sealed');
};

const manyBots = (count: number): XeniooBot[] =>
  Array.from({ length: count }, (_, n) => ({
    name: `bot-${n}`,
    token: `token-${n}`,
    secret: `secret-${n}`,
  }));

describe('BotRegistry with a list of bots', () => {
  it('identifies a bot by each of its secrets', async () => {
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

describe('BotRegistry with a function', () => {
  it('calls the function once, when the application boots', async () => {
    const vault = new BotVault();
    expect(vault.calls).toBe(0);

    await vault.boot();
    expect(vault.calls).toBe(1);
  });

  it.each<[string, () => Answer]>([
    ['at once', () => [SUPPORT, SALES]],
    ['later', async () => [SUPPORT, SALES]],
  ])(
    'identifies each bot by any of its secrets when the function answers %s',
    async (_w, bots) => {
      const vault = new BotVault();
      vault.answer = bots;
      await vault.boot();

      expect(await vault.botOrRefusalOf('q7-Sesame')).toBe('support');
      expect(await vault.botOrRefusalOf('Barley-8w')).toBe('sales');
      expect(await vault.botOrRefusalOf('Rye-9x')).toBe('sales');
      expect(await vault.registry.verify('q7-Sesame')).toEqual({
        bot: { name: 'support', token: 't1' },
      });
    },
  );

  it('delays the boot until the function has answered', async () => {
    const vault = new BotVault();
    const { answer } = vault.deferAnswers();
    const steps: string[] = [];
    const boot = vault.boot().then(() => steps.push('booted'));
    await new Promise(setImmediate);
    steps.push('answers');
    answer(0, [SUPPORT]);
    await boot;

    expect(steps).toEqual(['answers', 'booted']);
    expect(await vault.botOrRefusalOf('q7-Sesame')).toBe('support');
  });

  it('accepts an empty list of bots', async () => {
    const vault = new BotVault();
    vault.answer = () => [];
    await vault.boot();

    expect(await vault.botOrRefusalOf('q7-Sesame')).toBe('unknown-secret');
    expect(logs.lines).toEqual([]);
  });
});

describe('BotRegistry when the function fails at boot', () => {
  it.each<[string, () => Answer]>([
    ['at once', throwSealed],
    ['later', async () => throwSealed()],
  ])('stops the boot and reports the cause (%s)', async (_when, answer) => {
    const vault = new BotVault();
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

  it('stops the boot when the thrown value is not an Error', async () => {
    const vault = new BotVault();
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
    'stops the boot without showing a secret when the function returns %s',
    async (_w, bots, text) => {
      const vault = new BotVault();
      vault.answer = () => bots as XeniooBot[];
      const error: unknown = await vault.boot().catch((e: unknown) => e);

      expect(error).toBeInstanceOf(XeniooOptionsError);
      expect(String(error)).toMatch(text);
      expect(String(error)).not.toMatch(/sesame|barley/i);
    },
  );
});

describe('BotRegistry after botsRefreshSeconds', () => {
  it('calls the function on the next webhook call and uses its answer for that call', async () => {
    const vault = await bootVault();
    vault.answer = () => [SALES];
    vault.time += REFRESH_MS - 1;
    expect(await vault.botOrRefusalOf('q7-Sesame')).toBe('support');
    expect(vault.calls).toBe(1);

    vault.time += 1;
    expect(await vault.botOrRefusalOf('q7-Sesame')).toBe('unknown-secret');
    expect(await vault.botOrRefusalOf('Rye-9x')).toBe('sales');
    expect(vault.calls).toBe(2);
  });

  it('calls the function once for concurrent webhook calls', async () => {
    const vault = await bootVault();
    const { answer } = vault.deferAnswers();
    vault.time += REFRESH_MS;
    const calls = Array.from({ length: 50 }, () =>
      vault.botOrRefusalOf('Barley-8w'),
    );
    answer(0, [SALES]);

    expect(new Set(await Promise.all(calls))).toEqual(new Set(['sales']));
    expect(vault.calls).toBe(2);
  });

  it('calls the function once per interval under constant traffic', async () => {
    const vault = await bootVault(10);
    for (let second = 0; second < 100; second++) {
      vault.time += 1_000;
      expect(await vault.botOrRefusalOf('q7-Sesame')).toBe('support');
    }

    expect(vault.calls).toBe(1 + 10);
  });

  it('does not call the function without a webhook call', async () => {
    const vault = await bootVault();
    vault.time += 100 * REFRESH_MS;
    await new Promise(setImmediate);
    expect(vault.calls).toBe(1);

    await vault.botOrRefusalOf('q7-Sesame');
    expect(vault.calls).toBe(2);
  });
});

describe('BotRegistry on an unknown secret', () => {
  it('calls the function and accepts the first call of a new bot', async () => {
    const vault = await bootVault();
    vault.answer = () => [SUPPORT, SALES];
    vault.time += UNKNOWN_MS;

    expect(await vault.botOrRefusalOf('Barley-8w')).toBe('sales');
    expect(await vault.botOrRefusalOf('q7-Sesame')).toBe('support');
    expect(vault.calls).toBe(2);
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
  ])(
    'calls the function for a secret %s',
    async (_where, authorization, secret) => {
      const vault = await bootVault();
      vault.answer = () => [{ ...SALES, secret }];
      vault.time += UNKNOWN_MS;

      expect(await vault.registry.verify(authorization)).toMatchObject({
        bot: { name: 'sales' },
      });
    },
  );

  it('calls the function at most once in 5 s for all callers', async () => {
    const vault = await bootVault();
    const callWithUnknownSecrets = async () => {
      const calls = Array.from({ length: 100 }, (_, n) =>
        vault.botOrRefusalOf(`x${n}`),
      );
      expect(new Set(await Promise.all(calls))).toEqual(
        new Set(['unknown-secret']),
      );
      return vault.calls;
    };

    expect(await callWithUnknownSecrets()).toBe(1);
    vault.time += UNKNOWN_MS;
    expect(await callWithUnknownSecrets()).toBe(2);
    vault.time += UNKNOWN_MS - 1;
    expect(await callWithUnknownSecrets()).toBe(2);
    vault.time += 1;
    expect(await callWithUnknownSecrets()).toBe(3);
  });

  it('calls the function no more often after a failed refresh', async () => {
    const vault = await bootVault();
    vault.answer = throwSealed;
    for (let second = 0; second < 20; second++) {
      vault.time += 1_000;
      await vault.botOrRefusalOf('stranger');
    }

    expect(vault.calls).toBe(1 + 4);
  });

  it('does not call the function for a known or missing secret', async () => {
    const vault = await bootVault();
    vault.time += REFRESH_MS - 1;
    await vault.botOrRefusalOf('q7-Sesame');
    await vault.registry.verify(undefined);

    expect(vault.calls).toBe(1);
  });
});

describe('BotRegistry when a refresh fails or returns invalid bots', () => {
  it('keeps the previous list and logs the error with its stack', async () => {
    const vault = await bootVault();
    vault.answer = async () => throwSealed();
    vault.time += REFRESH_MS;

    expect(await vault.botOrRefusalOf('q7-Sesame')).toBe('support');
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
  ])(
    'keeps the whole previous list and logs no secret when the function returns %s',
    async (_what, answer) => {
      const vault = await bootVault();
      vault.answer = () => answer as XeniooBot[];
      vault.time += REFRESH_MS;

      expect(await vault.botOrRefusalOf('q7-Sesame')).toBe('support');
      expect(await vault.botOrRefusalOf('Barley-8w')).toBe('unknown-secret');
      expect(logs.ofXenioo('error')).toEqual([
        expect.stringMatching(
          /the previous list stays in use\. Fix the function `bots`: .*expected/s,
        ),
      ]);
      expect(JSON.stringify(logs.lines)).not.toMatch(/sesame|barley|rye/i);
    },
  );

  it('accepts the next valid list', async () => {
    const vault = await bootVault();
    vault.answer = throwSealed;
    vault.time += REFRESH_MS;
    await vault.botOrRefusalOf('q7-Sesame');
    vault.answer = () => [SALES];
    vault.time += REFRESH_MS;

    expect(await vault.botOrRefusalOf('Barley-8w')).toBe('sales');
  });

  it('keeps the previous list whatever invalid value the function returns', async () => {
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
    const vault = await bootVault();

    await fc.assert(
      fc.asyncProperty(answer, async value => {
        logs.lines.splice(0);
        vault.answer = () => value as XeniooBot[];
        vault.time += REFRESH_MS;

        expect(await vault.botOrRefusalOf('q7-Sesame')).toBe('support');
        expect(await vault.botOrRefusalOf('Barley-8w')).toBe('unknown-secret');
        expect(logs.ofXenioo('error')).toHaveLength(1);
        expect(logs.ofXenioo('error')[0]).not.toContain('Barley');
      }),
      { numRuns: 250 },
    );
  });
});

describe('BotRegistry with overlapping refreshes', () => {
  /** Starts two refreshes that are both pending. */
  async function startTwoRefreshes() {
    const vault = await bootVault();
    const { answer, fail } = vault.deferAnswers();
    const calls = [0, 1].map(() => {
      vault.time += REFRESH_MS;
      return vault.botOrRefusalOf('q7-Sesame');
    });
    expect(vault.calls).toBe(3);
    return { vault, answer, fail, calls: () => Promise.all(calls) };
  }

  it('uses each answer when it arrives', async () => {
    const { vault, answer, calls } = await startTwoRefreshes();
    answer(0, [SUPPORT]);
    answer(1, [SALES]);
    await calls();

    expect(await vault.botOrRefusalOf('q7-Sesame')).toBe('unknown-secret');
    expect(await vault.botOrRefusalOf('Rye-9x')).toBe('sales');
  });

  it('ignores an older answer that arrives after a newer one', async () => {
    const { vault, answer, calls } = await startTwoRefreshes();
    answer(1, [SALES]);
    await new Promise(setImmediate);
    answer(0, [SUPPORT]);
    await calls();

    expect(await vault.botOrRefusalOf('q7-Sesame')).toBe('unknown-secret');
    expect(await vault.botOrRefusalOf('Barley-8w')).toBe('sales');
  });

  it('uses an older answer when the newer refresh failed', async () => {
    const { vault, answer, fail, calls } = await startTwoRefreshes();
    fail(1, new Error('vault is sealed'));
    await new Promise(setImmediate);
    answer(0, [SALES]);
    await calls();

    expect(await vault.botOrRefusalOf('Barley-8w')).toBe('sales');
  });

  it('keeps the newer answer when the older refresh fails', async () => {
    const { vault, answer, fail, calls } = await startTwoRefreshes();
    answer(1, [SALES]);
    await new Promise(setImmediate);
    fail(0, new Error('timed out'));
    await calls();

    expect(await vault.botOrRefusalOf('Barley-8w')).toBe('sales');
    expect(logs.ofXenioo('error')).toHaveLength(1);
  });
});

describe('BotRegistry when the function never answers', () => {
  const neverAnswer = () => new Promise<XeniooBot[]>(() => {});

  it('makes concurrent callers wait 2 s, and later ones not at all', async () => {
    const { vault, call, pass } = await bootInFakeTime();
    await pass(REFRESH_MS);
    const callAtOnce = async () => {
      const calls = ['q7-Sesame', 'x', 'y', 'q7-Sesame'].map(call);
      await pass(3_000);
      return {
        owners: await Promise.all(calls.map(({ owner }) => owner)),
        waited: await Promise.all(calls.map(({ waited }) => waited)),
      };
    };
    const owners = ['support', 'unknown-secret', 'unknown-secret', 'support'];

    expect(await callAtOnce()).toEqual({
      owners,
      // A call with a known secret waits only if it starts the refresh.
      waited: [2_000, 2_000, 2_000, 0],
    });
    expect(await callAtOnce()).toEqual({ owners, waited: [0, 0, 0, 0] });
    expect(vault.calls).toBe(2);
  });

  /** Boots a vault under fake timers, whose function then never answers. */
  async function bootInFakeTime(botsRefreshSeconds?: number) {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const vault = new BotVault(botsRefreshSeconds, Date.now);
    await vault.boot();
    vault.answer = neverAnswer;
    const call = (secret: string) => {
      const started = Date.now();
      const owner = vault.botOrRefusalOf(secret);
      return { owner, waited: owner.then(() => Date.now() - started) };
    };
    return { vault, call, pass: vi.advanceTimersByTimeAsync.bind(vi) };
  }

  it('makes a later caller wait only for the remainder of the 2 s', async () => {
    const { call, pass } = await bootInFakeTime();
    await pass(UNKNOWN_MS);
    const first = call('x');
    await pass(1_500);
    const second = call('y');
    await pass(10_000);

    expect(await first.waited).toBe(2_000);
    expect(await second.waited).toBe(500);
  });

  it('makes callers wait again for the next refresh', async () => {
    const { vault, call, pass } = await bootInFakeTime();
    await pass(UNKNOWN_MS);
    const first = call('x');
    await pass(UNKNOWN_MS);
    const second = call('x');
    await pass(UNKNOWN_MS);

    expect(await first.waited).toBe(2_000);
    expect(await second.waited).toBe(2_000);
    expect(vault.calls).toBe(3);
  });

  it('makes no caller wait longer than 2 s when refreshes overlap', async () => {
    const { call, pass } = await bootInFakeTime(1);
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

  it('leaves no timer after an answer in time', async () => {
    const { vault, call, pass } = await bootInFakeTime();
    vault.answer = async () => [SALES];
    await pass(REFRESH_MS);
    await call('Barley-8w').waited;

    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('BotRegistry boot log', () => {
  it.each<[XeniooBot[], string]>([
    [[], '0 bots'],
    [[SUPPORT, SALES], 'support, sales'],
    [manyBots(11), '11 bots'],
  ])(
    'lists the bots by name, or counts them if there are many (case %#)',
    async (bots, words) => {
      const vault = new BotVault();
      vault.answer = () => bots;
      await vault.boot();

      expect(vault.registry.describe()).toBe(words);
    },
  );
});

describe('BotRegistry with 10,000 bots', () => {
  async function registryOf(count: number): Promise<BotRegistry> {
    const { registry } = Object.assign(new BotVault(), {
      answer: () => manyBots(count),
    });
    await registry.onApplicationBootstrap();
    return registry;
  }

  async function timeVerifications(registry: BotRegistry, header: string) {
    const started = performance.now();
    for (let n = 0; n < 50; n++) await registry.verify(header);
    return performance.now() - started;
  }

  it('identifies each bot by its secret', async () => {
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
  ])(
    'verifies a %s secret as fast as with one bot',
    async (_what, one, many) => {
      const few = await registryOf(1);
      const all = await registryOf(10_000);
      const times = { few: Infinity, all: Infinity };
      for (let round = 0; round < 64; round++) {
        times.few = Math.min(times.few, await timeVerifications(few, one));
        times.all = Math.min(times.all, await timeVerifications(all, many));
      }

      expect(times.all / times.few).toBeLessThan(3);
    },
  );
});
