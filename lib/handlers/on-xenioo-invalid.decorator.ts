import type { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import {
  checkedName,
  subscribe,
  type XeniooHandlerDecorator,
  type XeniooHandlerOptions,
} from './subscription.js';

/**
 * Calls the method for each invalid entry of an authenticated call, after the dead
 * letter is stored. An error that the method throws is logged and not retried.
 *
 * @example
 * ```ts
 * @OnXeniooInvalid()
 * async keep(entry: InvalidXeniooEntry) {}
 * ```
 *
 * @throws {XeniooHandlerError} while the class loads, if an option is unknown or invalid
 */
export function OnXeniooInvalid(
  options: XeniooHandlerOptions = {},
): XeniooHandlerDecorator<InvalidXeniooEntry> {
  const name = checkedName('@OnXeniooInvalid()', options);
  return (target, key, descriptor) =>
    subscribe(target, key, descriptor, { to: 'invalid', ...name });
}
