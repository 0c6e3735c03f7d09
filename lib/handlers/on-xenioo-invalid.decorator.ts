import type { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import {
  checkedName,
  subscribe,
  type XeniooHandlerDecorator,
  type XeniooHandlerOptions,
} from './subscription.js';

/**
 * Makes a method handle what came with the right secret but could not be
 * understood. An error that it throws is logged, no more.
 *
 * @example
 * ```ts
 * @OnXeniooInvalid()
 * async keep(entry: InvalidXeniooEntry) {}
 * ```
 *
 * @throws {XeniooHandlerError} while the class loads, on an option that does not exist
 */
export function OnXeniooInvalid(
  options: XeniooHandlerOptions = {},
): XeniooHandlerDecorator<InvalidXeniooEntry> {
  const name = checkedName('@OnXeniooInvalid()', options);
  return (target, key, descriptor) =>
    subscribe(target, key, descriptor, { to: 'invalid', ...name });
}
