import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  botListProblems,
  botProblems,
} from '../../../lib/options/bot-problems.js';
import type { XeniooOptions } from '../../../lib/options/xenioo.options.js';

const SECRET = 'q7-Sesame';
const SUPPORT = { name: 'support', token: 't1', secret: SECRET };
const SALES = { name: 'sales', token: 't2', secret: 'Barley-8w' };

function problemsOf(options: unknown): string[] {
  const withDefaults = { name: 'default', ...(options as XeniooOptions) };
  const problems = botProblems(withDefaults);
  expect(problems.join()).not.toMatch(/sesame|barley/i);
  return problems;
}

const textMatching = (pattern: RegExp): string =>
  expect.stringMatching(pattern) as string;

describe('botProblems() of valid options', () => {
  it.each([
    ['one secret', { secret: SECRET }],
    ['several while it is rotated', { secret: [SECRET, 'Barley-8w'] }],
    ['a secret with white space inside', { secret: 'open Sesame' }],
    ['a secret that only begins like the scheme', { secret: 'BearerSesame' }],
    ['a secret with letters of any script', { secret: 'Sesame-ключ-à' }],
    ['several bots', { bots: [SUPPORT, SALES] }],
    ['a secret listed twice', { secret: [SECRET, SECRET] }],
    [
      'a bot with several secrets',
      { bots: [{ ...SUPPORT, secret: [SECRET, 'Barley-8w'] }] },
    ],
    ['a function that returns the bots', { bots: () => [] }],
  ])('reports no problem for %s', (_what, options) => {
    expect(problemsOf(options)).toEqual([]);
  });
});

describe('botProblems() of invalid options', () => {
  const name = 'expected `name` to be a non-empty string';
  it.each([
    [
      'neither secret nor bots',
      {},
      'expected `secret` to be the API Secret of your bot, got nothing: check that its environment variable is set; for several bots, set `bots`',
    ],
    [
      'both',
      { secret: SECRET, bots: [SALES] },
      'expected either `secret` or `bots`, got both',
    ],
    [
      'both, where bots is a function',
      { secret: SECRET, bots: () => [SALES] },
      'expected either `secret` or `bots`, got both',
    ],
    [
      'an empty secret',
      { secret: '' },
      'expected `secret` to be the API Secret of your bot, got nothing: check that its environment variable is set; for several bots, set `bots`',
    ],
    [
      'a null secret',
      { secret: null },
      'expected `secret` to be a non-empty string, got null',
    ],
    [
      'a secret that is not text',
      { secret: 42 },
      'expected `secret` to be a non-empty string, got a number',
    ],
    [
      'no secret in the list',
      { secret: [] },
      'expected `secret` to contain at least one secret, got an empty list',
    ],
    [
      'an empty secret in the list',
      { secret: [SECRET, ''] },
      'expected `secret[1]` to be a non-empty string, got an empty string',
    ],
    ...[`${SECRET}\n`, ` ${SECRET}`, `${SECRET}\t`, `\u00A0${SECRET}`].map(
      secret => [
        `white space at an end, as in ${JSON.stringify(secret)}`,
        { secret },
        'expected `secret` to have no white space at its ends, got some: check that it was copied without a line break',
      ],
    ),
    ...['Bearer', 'bearer', 'BEARER'].map(scheme => [
      `a secret after the word ${scheme}`,
      { secret: `${scheme} ${SECRET}` },
      'expected `secret` to be the API Secret alone, got one that begins with `Bearer`: remove that word',
    ]),
    [
      'the word alone',
      { secret: 'Bearer' },
      'expected `secret` to be the API Secret alone, got one that begins with `Bearer`: remove that word',
    ],
    ...['q7\nSesame', 'q7\0Sesame', 'q7\tSesame', 'q7\u007FSesame'].map(
      secret => [
        `a control character inside, as in ${JSON.stringify(secret)}`,
        { secret },
        'expected `secret` to be a valid header value, got one with a line break or another control character: copy the API Secret again',
      ],
    ),
    [
      'an empty name',
      { secret: SECRET, name: '' },
      `${name}, got an empty string`,
    ],
    [
      'a name with a control character',
      { secret: SECRET, name: 'sup\0port' },
      'expected `name` to contain no control character, got one that does',
    ],
    [
      'a name that is not text',
      { secret: SECRET, name: 7 },
      textMatching(/`name`.*a number/),
    ],
    [
      'no bots in the list',
      { bots: [] },
      'expected `bots` to be a list of { name, token, secret }, got an empty list',
    ],
    [
      'bots that are not a list',
      { bots: { a: SUPPORT } },
      textMatching(/`bots`.*an object/),
    ],
    [
      'a bot that is a secret',
      { bots: [SECRET] },
      textMatching(/`bots\[0\]`.*a string/),
    ],
    [
      'a bot that is nothing',
      { bots: [null] },
      textMatching(/`bots\[0\]`.*null/),
    ],
    [
      'a bot without a name',
      { bots: [{ token: 't', secret: SECRET }] },
      'expected `bots[0].name` to be a non-empty string, got nothing',
    ],
    [
      'a bot without a token',
      { bots: [SALES, { name: 'support', secret: SECRET }] },
      'expected `bots[1].token` to be a non-empty string, got nothing',
    ],
    [
      'a bot without a secret',
      { bots: [{ name: 'support', token: 't' }] },
      'expected `bots[0].secret` to be a non-empty string, got nothing',
    ],
    [
      'a bot with an edged secret in its list',
      { bots: [{ ...SUPPORT, secret: ['x', ` ${SECRET}`] }] },
      textMatching(/`bots\[0\]\.secret\[1\]`.*white space/),
    ],
    [
      'a field that a bot does not have',
      { bots: [{ ...SUPPORT, secrets: [SECRET] }] },
      'bots[0]: `secrets` is not an option here; the options are name, token, secret',
    ],
    [
      'a name of a bot with a control character',
      { bots: [{ ...SUPPORT, name: 'sup\nport' }] },
      'expected `bots[0].name` to contain no control character, got one that does',
    ],
    [
      'two bots of one name',
      { bots: [SUPPORT, { ...SALES, name: 'support' }] },
      'expected each bot to have its own `name`, got the same one in bots[0] and bots[1]',
    ],
    [
      'two bots of one token',
      { bots: [SUPPORT, { ...SALES, token: 't1' }] },
      'expected each bot to have its own `token`, got the same one in bots[0] and bots[1]',
    ],
    [
      'two bots of one secret',
      { bots: [SUPPORT, { ...SALES, secret: ['Barley-8w', SECRET] }] },
      'expected each bot to have its own `secret`, got the same one in bots[0] and bots[1]',
    ],
  ] as [string, object, string][])(
    'reports %s without showing a secret',
    (_what, options, problem) => {
      expect(problemsOf(options)).toEqual([problem]);
    },
  );
});

describe('botListProblems()', () => {
  it('requires at least one bot unless mayBeEmpty is set', () => {
    expect(botListProblems([])).toEqual([
      'expected `bots` to be a list of { name, token, secret }, got an empty list',
    ]);
    expect(botListProblems([], { mayBeEmpty: true })).toEqual([]);
  });

  it('applies all other checks when mayBeEmpty is set', () => {
    const check = (bots: unknown) =>
      botListProblems(bots, { mayBeEmpty: true });

    expect(check([SUPPORT, SALES])).toEqual([]);
    for (const bots of [
      undefined,
      null,
      '',
      SUPPORT,
      [null],
      [[]],
      [{}],
      [{ ...SUPPORT, token: undefined }],
      [SUPPORT, SUPPORT],
    ]) {
      expect(check(bots)).toEqual(botListProblems(bots));
      expect(check(bots)).not.toEqual([]);
    }
  });
});

describe('botProblems() of several problems', () => {
  it('reports each problem', () => {
    const bots = [{ name: '', token: 5, secret: `Bearer ${SECRET}` }, null];

    expect(problemsOf({ bots })).toHaveLength(4);
  });
});

it('botProblems() shows no secret, whatever is wrong with the options', () => {
  const secret = fc.constantFrom(
    SECRET,
    ` ${SECRET}`,
    `${SECRET}\n`,
    `Bearer ${SECRET}`,
    '',
    5,
    null,
  );
  const secrets = fc.oneof(secret, fc.array(secret, { maxLength: 3 }));
  const bot = fc.record(
    {
      name: fc.constantFrom('support', 'sales', '', 3),
      token: fc.constantFrom('t1', 't2', ' t3', null),
      secret: secrets,
      apiSecret: secret,
    },
    { requiredKeys: [] },
  );
  const bots = fc.oneof(secrets, fc.array(bot, { maxLength: 3 }), bot);
  const options = fc.record({ secret: secrets, bots }, { requiredKeys: [] });

  fc.assert(
    fc.property(options, given => {
      expect(problemsOf(given).join()).not.toContain('Sesame');
    }),
    { numRuns: 500 },
  );
});
