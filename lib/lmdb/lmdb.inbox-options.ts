import type { FactoryProvider } from '@nestjs/common';
import { kindOf, quote } from '../options/describe-value.js';
import { rangeProblems } from '../options/range-problems.js';
import { unknownNames } from '../options/unknown-names.js';
import { withoutUndefined } from '../options/without-undefined.js';
import { XeniooOptionsError } from '../xenioo.errors.js';

/** What `lmdbInbox()` takes. */
export interface LmdbInboxOptions {
  /**
   * The folder, made if there is none (mode 0700). On a disk of this machine, not
   * on one of the network. Processes of the same application may share it: all
   * accept, one handles.
   */
  path: string;

  /**
   * How long dead letters are kept, in days.
   * @default 90
   */
  keepDeadLettersDays?: number | undefined;
}

/** Makes the options, given what is listed in `inject`. */
export type LmdbInboxOptionsFactory = Pick<
  FactoryProvider<LmdbInboxOptions>,
  'inject' | 'useFactory'
>;

/** The options checked, with every default in place. */
export interface LmdbInboxSettings {
  readonly path: string;
  readonly keepDeadLettersDays: number;
}

const DEFAULTS = { keepDeadLettersDays: 90 } as const;

const RANGES = { keepDeadLettersDays: [1, 36_500] } as const;

/**
 * Checks the options and fills in the defaults.
 * @throws {XeniooOptionsError} with every problem found
 */
export function resolveLmdbInboxOptions(given: unknown): LmdbInboxSettings {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new XeniooOptionsError([
      `expected lmdbInbox() to get an object of options, got ${kindOf(given)}`,
    ]);
  }
  const options = {
    ...DEFAULTS,
    ...withoutUndefined(given as LmdbInboxOptions),
  };
  const problems = [
    ...unknownNames(options, ['path', ...Object.keys(DEFAULTS)]),
    ...rangeProblems(options, RANGES),
  ];
  if (typeof options.path !== 'string' || options.path.trim() === '') {
    problems.push(
      `expected \`path\` of lmdbInbox() to be that of a folder, got ${quote(options.path)}`,
    );
  }
  if (problems.length > 0) throw new XeniooOptionsError(problems);
  return options;
}
