import type { XeniooChannel } from '../events/xenioo-channel.js';
import { XeniooEventType } from '../events/xenioo-event-type.js';
import type { XeniooEventOf } from '../events/xenioo-event.table.js';
import type { XeniooEvent } from '../events/xenioo.events.js';
import { kindOf, quote } from '../options/describe-value.js';
import { unknownNames } from '../options/unknown-names.js';
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
} from './subscription.js';

const OPTION_NAMES = ['bot', 'channel', 'when', 'name', 'retry'];

/** Narrows what an `@OnXenioo()` method gets. */
export interface OnXeniooOptions<
  E extends XeniooEvent = XeniooEvent,
> extends XeniooHandlerOptions {
  /** Only events of this bot, or these, by your names for them. */
  bot?: string | readonly string[] | undefined;
  /** Only events of this channel, or these, as `'TelegramChannel'`. */
  channel?: XeniooChannel | readonly XeniooChannel[] | undefined;
  /** Only events for which this returns true. If it throws, the handler has failed. */
  when?: ((event: E) => boolean) | undefined;
  /**
   * When and how often this handler is tried again; what is left out is as in
   * the option `retry` of the module. `false`: it has one attempt.
   */
  retry?: XeniooRetryOptions | false | undefined;
}

/**
 * Makes a method of any provider or controller handle every event, of types
 * yet unknown too. Options narrow it.
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
/** Makes a method handle every event, of types yet unknown too. */
export function OnXenioo(
  type: undefined,
  options?: OnXeniooOptions,
): XeniooHandlerDecorator<XeniooEvent>;
// Last, because the compiler explains a call that fits no form by the last one.
/**
 * Makes a method of any provider or controller handle events of one type or of
 * several. A method may carry several of these decorators, and runs once an event.
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
 * @throws {XeniooHandlerError} while the class loads, on a type or option that does not exist
 */
export function OnXenioo<T extends XeniooEventType>(
  type: T | readonly T[],
  options?: OnXeniooOptions<XeniooEventOf<T>>,
): XeniooHandlerDecorator<XeniooEventOf<T>>;
export function OnXenioo(
  first?: XeniooEventType | readonly XeniooEventType[] | OnXeniooOptions,
  second?: OnXeniooOptions<never>,
): XeniooHandlerDecorator<never> {
  const hasTypes = typeof first !== 'object' || Array.isArray(first);
  const types =
    hasTypes && first !== undefined
      ? typeSet(first as XeniooEventType | readonly XeniooEventType[])
      : undefined;
  const { bot, channel, when, name, retry } = checkedOptions(
    second ?? (hasTypes ? {} : first),
  );
  const subscription: Subscription = {
    to: 'events',
    ...(types && { types }),
    ...(bot !== undefined && { bots: nameSet('bot', bot) }),
    ...(channel !== undefined && { channels: nameSet('channel', channel) }),
    ...(when && { when: when as (event: XeniooEvent) => boolean }),
    ...(name !== undefined && { name }),
    ...(retry !== undefined && { retry }),
  };
  return (target, key, descriptor) =>
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
    ...unknownNames(options, OPTION_NAMES),
    ...nameProblems(options.name),
    ...retryProblems(options.retry),
  ];
  if (options.when !== undefined && typeof options.when !== 'function') {
    problems.push(`\`when\` must be a function, got ${kindOf(options.when)}`);
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

function typeSet(
  given: XeniooEventType | readonly XeniooEventType[],
): Set<XeniooEventType> {
  const types = new Set([given].flat());
  if (types.size === 0) {
    throw new XeniooHandlerError(
      '@OnXenioo([]) would never run: name at least one type, or none at all for every event',
    );
  }
  for (const type of types) {
    if (typeof type !== 'number' || !(type in XeniooEventType)) {
      throw new XeniooHandlerError(
        `@OnXenioo() expects values of XeniooEventType, got ${quote(type)}; events of types yet unknown reach @OnXenioo() without a type`,
      );
    }
  }
  return types;
}
