import type { ModuleMetadata } from '@nestjs/common';
import { isObject } from '../is-object.js';
import {
  asyncProblems,
  decoratorProblems,
  misplacedProblems,
  pathProblems,
} from '../options/assert-definition.js';
import { kindOf, quote } from '../options/describe-value.js';
import { rangeProblems } from '../options/range-problems.js';
import { unknownNameProblems } from '../options/unknown-name-problems.js';
import { withoutUndefined } from '../options/without-undefined.js';
import { XeniooOptionsError } from '../xenioo.errors.js';

/** Options of `XeniooInspectorModule`, which a factory can return. */
export interface XeniooInspectorOptions {
  /**
   * Refuses every action: pause, resume, replay, remove and erase.
   * @default false
   */
  readOnly?: boolean | undefined;

  /**
   * Shows the texts of messages in the list of events. By default a text is sent only
   * when it is revealed, one event at a time.
   * @default false
   */
  showText?: boolean | undefined;

  /**
   * Upper bound of the events kept in memory for the page. Events of more than 32 MB
   * together are not kept, whatever their number.
   * @default 1_000
   */
  keepEvents?: number | undefined;
}

/** Options that define `XeniooInspectorModule`; in `forRootAsync()` they are given beside `useFactory`. */
export interface XeniooInspectorDefinitionOptions {
  /**
   * Path of the page, after the global prefix of the application.
   * @default 'xenioo/inspector'
   */
  path?: string | undefined;

  /**
   * Decorators of everything that the page reads and does, such as
   * `UseGuards(AdminGuard)`. `[]` makes it open to everyone, and stops the boot if
   * `NODE_ENV` is `production`.
   */
  decorators: ClassDecorator[];

  /**
   * Decorators of the page itself, which holds no data, such as `Public()` to exempt
   * it from global guards.
   * @default []
   */
  pageDecorators?: ClassDecorator[] | undefined;

  /**
   * Modules of the providers that the guards in `decorators` inject.
   * @default []
   */
  imports?: ModuleMetadata['imports'];
}

/** Interface of a class for `useClass` or `useExisting` of `XeniooInspectorModule.forRootAsync()`. */
export interface XeniooInspectorOptionsFactory {
  /** Returns the options; called once, at boot. */
  createXeniooInspectorOptions():
    XeniooInspectorOptions | Promise<XeniooInspectorOptions>;
}

/** Validated options with their defaults. */
export type InspectorSettings = {
  readonly [name in keyof XeniooInspectorOptions]-?: NonNullable<
    XeniooInspectorOptions[name]
  >;
};

/** Injection token of {@link InspectorSettings}. */
export const INSPECTOR_SETTINGS = Symbol('nestjs-xenioo:inspector');

const MODULE = 'XeniooInspectorModule';

export const DEFAULT_PATH = 'xenioo/inspector';

const DEFAULTS = {
  readOnly: false,
  showText: false,
  keepEvents: 1_000,
} as const satisfies XeniooInspectorOptions;

const OPTIONS = Object.keys(DEFAULTS);

const DEFINITION_OPTIONS = ['path', 'decorators', 'pageDecorators'];

const RANGES = { keepEvents: [1, 100_000] } as const;

/**
 * Checks the options that define the dynamic module.
 * @throws {XeniooOptionsError} lists every problem
 */
export function assertInspectorDefinition(
  given: unknown,
  form: 'sync' | 'async',
): void {
  const problems = isObject(given)
    ? [
        ...(form === 'async'
          ? asyncProblems(given, DEFINITION_OPTIONS)
          : unknownNameProblems(given, [
              ...OPTIONS,
              ...DEFINITION_OPTIONS,
              'imports',
            ])),
        ...definitionProblems(given),
        ...(form === 'sync' ? optionProblems(given) : []),
      ]
    : [`expected an object of options, got ${kindOf(given)}`];
  throwIfAny(problems);
}

/**
 * Checks the options that a factory returned, and fills in the defaults.
 * @throws {XeniooOptionsError} lists every problem
 */
export function resolveInspectorOptions(given: unknown): InspectorSettings {
  if (!isObject(given)) {
    throwIfAny([`expected an object of options, got ${kindOf(given)}`]);
  }
  const set = withoutUndefined(given as XeniooInspectorOptions);
  throwIfAny([
    ...misplacedProblems(set, DEFINITION_OPTIONS),
    ...unknownNameProblems(set, OPTIONS, DEFINITION_OPTIONS),
    ...optionProblems(set),
  ]);
  return { ...DEFAULTS, ...set };
}

/**
 * Rejects an inspector that is open to everyone in production.
 * @throws {XeniooOptionsError}
 */
export function assertGuarded(decorators: readonly ClassDecorator[]): void {
  if (decorators.length > 0 || process.env['NODE_ENV'] !== 'production') return;
  throwIfAny([
    "`decorators` is [] and NODE_ENV is 'production': everyone could read and replay events. Pass the guard of your administrators, such as [UseGuards(AdminGuard)]",
  ]);
}

function definitionProblems({
  path = DEFAULT_PATH,
  decorators,
  pageDecorators = [],
}: Record<string, unknown>): string[] {
  const example = '[UseGuards(AdminGuard)]';
  return [
    ...(path === '' || path === '/'
      ? [`expected \`path\` to have a segment, got ${quote(path)}`]
      : pathProblems(path, DEFAULT_PATH)),
    ...(decorators === undefined
      ? [
          `expected \`decorators\` to be a list of decorators such as ${example}, got nothing: it guards what the page reads and does. [] makes that open to everyone, which is for development`,
        ]
      : decoratorProblems('decorators', decorators, example)),
    ...decoratorProblems('pageDecorators', pageDecorators, '[Public()]'),
  ];
}

function optionProblems(given: object): string[] {
  const options: Record<string, unknown> = {
    ...DEFAULTS,
    ...withoutUndefined(given),
  };
  return [
    ...['readOnly', 'showText']
      .filter(name => typeof options[name] !== 'boolean')
      .map(
        name =>
          `expected \`${name}\` to be true or false, got ${quote(options[name])}`,
      ),
    ...rangeProblems(options, RANGES),
  ];
}

function throwIfAny(problems: readonly string[]): void {
  if (problems.length > 0) {
    throw new XeniooOptionsError(problems, undefined, MODULE);
  }
}
