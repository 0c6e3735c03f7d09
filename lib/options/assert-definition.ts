import { isObject } from '../is-object.js';
import { kindOf, quote } from './describe-value.js';
import { unknownNameProblems } from './unknown-name-problems.js';
import { XeniooOptionsError } from '../xenioo.errors.js';
import { DEFINITION_OPTIONS } from './xenioo.options.js';

const FACTORIES = ['useFactory', 'useClass', 'useExisting'] as const;

const ASYNC_NAMES = [
  ...FACTORIES,
  'imports',
  'inject',
  'provideInjectionTokensFrom',
];

const PLAIN_PATH = /^\/?(?:[\w.~-]+(?:\/[\w.~-]+)*\/?)?$/;

type Given = Record<string, unknown>;

/**
 * Checks the options that define the dynamic module. All other options are checked while the application boots.
 * @throws {XeniooOptionsError} lists every problem
 */
export function assertDefinition(given: unknown, form: 'sync' | 'async'): void {
  const problems = isObject(given)
    ? [
        ...(form === 'async' ? asyncProblems(given, DEFINITION_OPTIONS) : []),
        ...definitionProblems(given),
      ]
    : [`expected an object of options, got ${kindOf(given)}`];
  if (problems.length > 0) throw new XeniooOptionsError(problems);
}

/** Returns the problems of what is given to a `forRootAsync()`, except those of its definition options. */
export function asyncProblems(
  given: Readonly<Record<string, unknown>>,
  definitionOptions: readonly string[],
): string[] {
  const problems = unknownNameProblems(given, [
    ...ASYNC_NAMES,
    ...definitionOptions,
  ]);
  const factories = FACTORIES.filter(name => given[name] !== undefined);
  for (const name of factories) {
    if (!isFunction(given[name])) {
      problems.push(
        `expected \`${name}\` to be a ${name === 'useFactory' ? 'function' : 'class'}, got ${kindOf(given[name])}`,
      );
    }
  }
  if (factories.length !== 1) {
    problems.push(
      `expected exactly one of ${FACTORIES.join(', ')}, got ${factories.join(' and ') || 'none'}`,
    );
  }
  return problems;
}

function definitionProblems({
  path = '',
  isGlobal = false,
  decorators = [],
  inbox = { useFactory() {} },
  openapi = false,
}: Given): string[] {
  const problems = [
    ...pathProblems(path, 'xenioo/webhook'),
    ...decoratorProblems('decorators', decorators, '[Public()]'),
  ];
  if (typeof isGlobal !== 'boolean') {
    problems.push(
      `expected \`isGlobal\` to be true or false, got ${quote(isGlobal)}`,
    );
  }
  if (!isObject(inbox) || !isFunction(inbox['useFactory'])) {
    problems.push(
      `expected \`inbox\` to be { inject?, useFactory }, got ${kindOf(inbox)}`,
    );
  }
  if (typeof openapi !== 'boolean') {
    problems.push(
      `expected \`openapi\` to be true or false, got ${quote(openapi)}`,
    );
  }
  return problems;
}

/** Returns the problems of definition options that a factory returned. */
export function misplacedProblems(
  given: object,
  definitionOptions: readonly string[],
): string[] {
  return definitionOptions
    .filter(name => name in given)
    .map(
      name =>
        `\`${name}\` must be known when the module is defined: pass it to forRootAsync() beside \`useFactory\`, and not in the options that the factory returns`,
    );
}

/** Returns the problem of a path of a controller. */
export function pathProblems(path: unknown, example: string): string[] {
  return typeof path === 'string' && PLAIN_PATH.test(path)
    ? []
    : [
        `expected \`path\` to be a plain path such as '${example}', without parameters, wildcards or escapes, got ${quote(path)}`,
      ];
}

/** Returns the problem of an option that is a list of decorators. */
export function decoratorProblems(
  name: string,
  decorators: unknown,
  example: string,
): string[] {
  return Array.isArray(decorators) && decorators.every(isFunction)
    ? []
    : [
        `expected \`${name}\` to be a list of decorators such as ${example}, got ${kindOf(decorators)}`,
      ];
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}
