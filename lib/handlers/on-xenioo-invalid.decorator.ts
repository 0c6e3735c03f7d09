import type { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooHandlerDecorator } from './on-xenioo.decorator.js';
import { addSubscription, methodUnder } from './subscription.js';

/**
 * Makes a method handle what came with the right secret but could not be
 * understood. An error that it throws is logged, no more.
 *
 * @example
 * ```ts
 * @OnXeniooInvalid()
 * async keep(entry: InvalidXeniooEntry) {}
 * ```
 */
export function OnXeniooInvalid(): XeniooHandlerDecorator<InvalidXeniooEntry> {
  return (target, key, descriptor) =>
    addSubscription(methodUnder(target, key, descriptor), { to: 'invalid' });
}
