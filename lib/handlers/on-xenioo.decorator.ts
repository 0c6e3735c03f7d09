import type { XeniooChannel } from '../events/xenioo-channel.js';
import { XeniooEventType } from '../events/xenioo-event-type.js';
import type { XeniooEventOf } from '../events/xenioo-event.table.js';
import type { XeniooEvent } from '../events/xenioo.events.js';
import { kindOf, quote } from '../options/describe-value.js';
import { unknownNameProblems } from '../options/unknown-name-problems.js';
import {
  retryProblems,
  type XeniooRetryOptions,
} from '../options/xenioo-retry.js';
import { XeniooHandlerError } from '../xenioo.errors.js';
import {
  nameProblems,
  subscribe,
  type Subscription,
  type XeniooHandlerDecorator,
  type XeniooHandlerOptions,
  type XeniooTransactionalDecorator,
} from './subscription.js';

const OPTION_NAMES = [
  'bot',
  'channel',
  'when',
  'name',
  'retry',
  'transactional',
];

/** Options of `@OnXenioo()`, which select events and configure the handler. */
export interface OnXeniooOptions<
  E extends XeniooEvent = XeniooEvent,
> extends XeniooHandlerOptions {
  /** Selects events of this bot or these bots, by your names for them. */
  bot?: string | readonly string[] | undefined;
  /** Selects events of this channel or these channels, such as `'TelegramChannel'`. */
  channel?: XeniooChannel | readonly XeniooChannel[] | undefined;
  /** Selects events for which the function returns true. If it throws, the attempt has failed. */
  when?: ((event: E) => boolean) | undefined;
  /**
   * Retries of this handler; missing fields have the values of the option `retry` of
   * the module. `false`: no retries.
   */
  retry?: XeniooRetryOptions | false | undefined;
  /**
   * Runs the handler in a transaction that also records it as done; the method gets
   * it as its second parameter. Needs the PostgreSQL inbox.
   * @default false
   */
  transactional?: boolean | undefined;
}

/** Options of a handler that runs in a transaction. */
export interface OnXeniooTransactionalOptions<
  E extends XeniooEvent = XeniooEvent,
> extends OnXeniooOptions<E> {
  transactional: true;
}

/** Makes a method handle every event, each in a transaction that also records the handler as done. */
export function OnXenioo(
  options: OnXeniooTransactionalOptions,
): XeniooTransactionalDecorator<XeniooEvent>;
/**
 * Makes a method of any provider or controller handle events of one type or of
 * several, each in a transaction that also records the handler as done.
 *
 * @example
 * ```ts
 * @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
 * async save(event: UserMessageEvent, tx: XeniooTransaction) {
 *   await tx.query('INSERT INTO message (text) VALUES ($1)', [event.text]);
 * }
 * ```
 */
export function OnXenioo<T extends XeniooEventType>(
  type: T | readonly T[],
  options: OnXeniooTransactionalOptions<XeniooEventOf<T>>,
): XeniooTransactionalDecorator<XeniooEventOf<T>>;
/**
 * Calls the method, of any provider or controller, for every event, including those
 * of unknown types. Options select events.
 *
 * @example
 * ```ts
 * @OnXenioo({ bot: 'support' })
 * async audit(event: XeniooEvent) {}
 * ```
 */
export function OnXenioo(
  options?: OnXeniooOptions,
): XeniooHandlerDecorator<XeniooEvent>;
// The last overload, because the compiler reports errors against it.
/**
 * Calls the method, of any provider or controller, for events of one or several
 * types. With several decorators on it, a method still runs once per event.
 *
 * @example
 * ```ts
 * @OnXenioo(XeniooEventType.UserMessage)
 * async saveMessage(event: UserMessageEvent) {}
 *
 * @OnXenioo([XeniooEventType.TakeOver, XeniooEventType.HandOver], { bot: 'support' })
 * async notify(event: TakeOverEvent | HandOverEvent) {}
 * ```
 *
 * @throws {XeniooHandlerError} while the class loads, if a type or option is unknown or invalid
 */
export function OnXenioo<T extends XeniooEventType>(
  type: T | readonly T[],
  options?: OnXeniooOptions<XeniooEventOf<T>>,
): XeniooHandlerDecorator<XeniooEventOf<T>>;
export function OnXenioo(
  ...given: readonly unknown[]
): XeniooHandlerDecorator<never> & XeniooTransactionalDecorator<never> {
  const [first, second] = given;
  if (given.length === 3) {
    throw new XeniooHandlerError(
      `@OnXenioo needs parentheses: write @OnXenioo() above \`${String(second)}\``,
    );
  }
  const hasTypes =
    given.length > 0 && (typeof first !== 'object' || Array.isArray(first));
  const types = hasTypes ? typeSet(first) : undefined;
  const { bot, channel, when, name, retry, transactional } = checkedOptions(
    second ?? (hasTypes ? {} : (first ?? {})),
  );
  const subscription: Subscription = {
    to: 'events',
    ...(types && { types }),
    ...(bot !== undefined && { bots: nameSet('bot', bot) }),
    ...(channel !== undefined && { channels: nameSet('channel', channel) }),
    ...(when && { when: when as (event: XeniooEvent) => boolean }),
    ...(name !== undefined && { name }),
    ...(retry !== undefined && { retry }),
    ...(transactional && { transactional }),
  };
  return (target: object, key: string, descriptor: PropertyDescriptor) =>
    subscribe(target, key, descriptor, subscription);
}

function checkedOptions(given: unknown): OnXeniooOptions<never> {
  if (typeof given !== 'object' || given === null) {
    throw new XeniooHandlerError(
      `@OnXenioo() expects an object of options, got ${kindOf(given)}`,
    );
  }
  const options: OnXeniooOptions<never> = given;
  const problems = [
    ...unknownNameProblems(options, OPTION_NAMES),
    ...nameProblems(options.name),
    ...retryProblems(options.retry),
  ];
  if (options.when !== undefined && typeof options.when !== 'function') {
    problems.push(`\`when\` must be a function, got ${kindOf(options.when)}`);
  }
  if (!['boolean', 'undefined'].includes(typeof options.transactional)) {
    problems.push(
      `\`transactional\` must be true or false, got ${kindOf(options.transactional)}`,
    );
  }
  if (problems.length > 0) {
    throw new XeniooHandlerError(`@OnXenioo(): ${problems.join('; ')}`);
  }
  return options;
}

function nameSet(option: string, given: unknown): Set<string> {
  const names = new Set([given].flat());
  const areNames = [...names].every(name => typeof name === 'string' && name);
  if (names.size === 0 || !areNames) {
    throw new XeniooHandlerError(
      `@OnXenioo() with this \`${option}\` would never run: name at least one, or leave the option out`,
    );
  }
  return names as Set<string>;
}

function typeSet(given: unknown): Set<XeniooEventType> {
  const types = new Set<unknown>([given].flat());
  if (types.size === 0) {
    throw new XeniooHandlerError(
      '@OnXenioo([]) would never run: name at least one type, or none at all for every event',
    );
  }
  for (const type of types) {
    if (typeof type !== 'number' || !(type in XeniooEventType)) {
      throw new XeniooHandlerError(
        `@OnXenioo() expects values of XeniooEventType, got ${quote(type)}; to handle events of unknown types, use @OnXenioo() without a type`,
      );
    }
  }
  return types as Set<XeniooEventType>;
}
