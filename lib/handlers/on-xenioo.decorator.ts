import { XeniooEventType } from '../events/xenioo-event-type.js';
import type { XeniooEventOf } from '../events/xenioo-event.table.js';
import type { XeniooEvent } from '../events/xenioo.event.js';
import { quote } from '../describe-value.js';
import { XeniooHandlerError } from '../xenioo.errors.js';
import {
  addSubscription,
  methodUnder,
  type Subscription,
} from './subscription.js';

/** Narrows what an `@OnXenioo()` method gets. */
export interface OnXeniooOptions<E extends XeniooEvent = XeniooEvent> {
  /** Only events of this bot, or these, by your names for them. */
  bot?: string | readonly string[] | undefined;
  /** Only events of this channel, or these, as `'TelegramChannel'`. */
  channel?: string | readonly string[] | undefined;
  /** Only events for which this returns true. If it throws, the handler has failed. */
  when?: ((event: E) => boolean) | undefined;
  /**
   * Name of the handler in logs; no two handlers of an app may have the same.
   * @default 'Class.method'
   */
  name?: string | undefined;
}

/** Fits every method that can be called with an `E`; on another the compiler shows both types. */
export type XeniooHandlerDecorator<E> = <M extends (event: E) => unknown>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

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
  const hasTypes = typeof first === 'number' || Array.isArray(first);
  const types = hasTypes ? typeSet(first) : undefined;
  const { bot, channel, when, name, ...unknown } =
    second ?? ((hasTypes ? {} : first) as OnXeniooOptions | undefined) ?? {};
  for (const option of Object.keys(unknown)) {
    throw new XeniooHandlerError(
      `@OnXenioo() has no option \`${option}\`; known are bot, channel, when, name`,
    );
  }
  const subscription: Subscription = {
    to: 'events',
    ...(types && { types }),
    ...(bot !== undefined && { bots: nameSet('bot', bot) }),
    ...(channel !== undefined && { channels: nameSet('channel', channel) }),
    ...(when && { when: when as (event: XeniooEvent) => boolean }),
    ...(name !== undefined && { name }),
  };
  return (_target, key, descriptor) =>
    addSubscription(methodUnder(key, descriptor), subscription);
}

function nameSet(
  option: string,
  given: string | readonly string[],
): Set<string> {
  const names = new Set([given].flat());
  if (names.size === 0) {
    throw new XeniooHandlerError(
      `@OnXenioo() with \`${option}: []\` would never run: name at least one, or leave the option out`,
    );
  }
  return names;
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
