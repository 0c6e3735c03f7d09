import {
  checkedName,
  subscribe,
  type XeniooHandlerDecorator,
  type XeniooHandlerOptions,
} from './subscription.js';
import type { XeniooHandlerFailure } from './xenioo-handler.failure.js';

/**
 * Calls the method for each handler that failed for good on an event, after the dead
 * letter is stored. An error that the method throws is logged and not retried.
 *
 * @example
 * ```ts
 * @OnXeniooFailed()
 * async alert({ handler, event, error, attempts }: XeniooHandlerFailure) {}
 * ```
 *
 * @throws {XeniooHandlerError} while the class loads, if an option is unknown or invalid
 */
export function OnXeniooFailed(
  options: XeniooHandlerOptions = {},
): XeniooHandlerDecorator<XeniooHandlerFailure> {
  const name = checkedName('@OnXeniooFailed()', options);
  return (target, key, descriptor) =>
    subscribe(target, key, descriptor, { to: 'failed', ...name });
}
