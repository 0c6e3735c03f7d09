import { kindOf } from './describe-value.js';
import { unknownNameProblems } from './unknown-name-problems.js';
import type { XeniooBot, XeniooOptions } from './xenioo.options.js';

const BOT_FIELDS = ['name', 'token', 'secret'];

/** Returns a message for each problem of the options `secret`, `name` and `bots`; none contains a secret. */
export function botProblems(options: XeniooOptions): string[] {
  if (options.secret !== undefined && options.bots !== undefined) {
    return ['expected either `secret` or `bots`, got both'];
  }
  if (typeof options.bots === 'function') return [];
  if (options.bots !== undefined) return botListProblems(options.bots);
  if (options.secret === undefined || options.secret === '') {
    return [
      'expected `secret` to be the API Secret of your bot, got nothing: check that its environment variable is set; for several bots, set `bots`',
    ];
  }
  return [
    ...secretProblems(options.secret, 'secret'),
    ...textProblems(options.name, 'name'),
  ];
}

/** Returns a message for each problem of a list of bots; none contains a secret. */
export function botListProblems(
  bots: unknown,
  { mayBeEmpty = false } = {},
): string[] {
  if (!Array.isArray(bots) || (bots.length === 0 && !mayBeEmpty)) {
    return [
      `expected \`bots\` to be a list of { name, token, secret }, got ${kindOf(bots)}`,
    ];
  }
  const problems = Array.from(bots).flatMap((bot: unknown, index) =>
    singleBotProblems(bot, `bots[${index}]`),
  );
  return problems.length > 0
    ? problems
    : duplicateProblems(bots as XeniooBot[]);
}

function singleBotProblems(bot: unknown, path: string): string[] {
  if (typeof bot !== 'object' || bot === null) {
    return [
      `expected \`${path}\` to be { name, token, secret }, got ${kindOf(bot)}`,
    ];
  }
  const { name, token, secret } = bot as Partial<XeniooBot>;
  return [
    ...unknownNameProblems(bot, BOT_FIELDS).map(p => `${path}: ${p}`),
    ...textProblems(name, `${path}.name`),
    ...textProblems(token, `${path}.token`),
    ...secretProblems(secret, `${path}.secret`),
  ];
}

function duplicateProblems(bots: readonly XeniooBot[]): string[] {
  const valuesOf = {
    name: (bot: XeniooBot) => [bot.name],
    token: (bot: XeniooBot) => [bot.token],
    secret: (bot: XeniooBot) => [...new Set([bot.secret].flat())],
  };
  return Object.entries(valuesOf).flatMap(([field, values]) => {
    const owners = new Map<string, number>();
    return bots.flatMap((bot, index) =>
      values(bot).flatMap(value => {
        const owner = owners.get(value);
        owners.set(value, owner ?? index);
        return owner === undefined
          ? []
          : [
              `expected each bot to have its own \`${field}\`, got the same one in bots[${owner}] and bots[${index}]`,
            ];
      }),
    );
  });
}

function secretProblems(secret: unknown, path: string): string[] {
  if (!Array.isArray(secret)) return singleSecretProblems(secret, path);
  return secret.length === 0
    ? [`expected \`${path}\` to contain at least one secret, got an empty list`]
    : secret.flatMap((each, index) =>
        singleSecretProblems(each, `${path}[${index}]`),
      );
}

function singleSecretProblems(secret: unknown, path: string): string[] {
  const problems = textProblems(secret, path);
  if (problems.length > 0) return problems;
  if (/^bearer(\s|$)/i.test(secret as string)) {
    return [
      `expected \`${path}\` to be the API Secret alone, got one that begins with \`Bearer\`: remove that word`,
    ];
  }
  return /\p{Cc}/u.test(secret as string)
    ? [
        `expected \`${path}\` to be a valid header value, got one with a line break or another control character: copy the API Secret again`,
      ]
    : [];
}

function textProblems(value: unknown, path: string): string[] {
  if (typeof value !== 'string' || value === '') {
    return [
      `expected \`${path}\` to be a non-empty string, got ${kindOf(value)}`,
    ];
  }
  if (path.endsWith('name') && /\p{Cc}/u.test(value)) {
    return [
      `expected \`${path}\` to contain no control character, got one that does`,
    ];
  }
  return value === value.trim()
    ? []
    : [
        `expected \`${path}\` to have no white space at its ends, got some: check that it was copied without a line break`,
      ];
}
