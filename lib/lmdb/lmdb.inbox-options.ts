import type { FactoryProvider } from '@nestjs/common';
import { kindOf, quote } from '../options/describe-value.js';
import { rangeProblems } from '../options/range-problems.js';
import { unknownNameProblems } from '../options/unknown-name-problems.js';
import { withoutUndefined } from '../options/without-undefined.js';
import { XeniooOptionsError } from '../xenioo.errors.js';

/** Options of `lmdbInbox()`. */
export interface LmdbInboxOptions {
  /**
   * Path of a folder that holds only this inbox; created if it does not exist (mode
   * 0700). It must be on a local disk, not on a network file system. Processes of the
   * same application may share it: all accept events, one handles them.
   */
  path: string;

  /**
   * Days after which a dead letter is removed.
   * @default 90
   */
  deadLetterRetentionDays?: number | undefined;
}

/** Factory of the options, with the providers that `inject` lists as arguments. */
export type LmdbInboxOptionsFactory = Pick<
  FactoryProvider<LmdbInboxOptions>,
  'inject' | 'useFactory'
>;

/** Validated options with defaults applied. */
export interface LmdbInboxSettings {
  readonly path: string;
  readonly deadLetterRetentionDays: number;
}

const DEFAULTS = { deadLetterRetentionDays: 90 } as const;

const RANGES = { deadLetterRetentionDays: [1, 36_500] } as const;

/**
 * Validates the options and applies the defaults.
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
    ...unknownNameProblems(options, ['path', ...Object.keys(DEFAULTS)]),
    ...rangeProblems(options, RANGES),
  ];
  if (typeof options.path !== 'string' || options.path.trim() === '') {
    problems.push(
      `expected \`path\` of lmdbInbox() to be the path of a folder, got ${quote(options.path)}`,
    );
  }
  if (problems.length > 0) throw new XeniooOptionsError(problems);
  return options;
}
