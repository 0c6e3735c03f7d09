import {
  checkedName,
  subscribe,
  type XeniooHandlerDecorator,
  type XeniooHandlerOptions,
} from './subscription.js';
import type { XeniooHandlerFailure } from './xenioo-handler.failure.js';

/**
 * Makes a method hear of each handler that gave up on an event, once that is
 * kept as a dead letter. An error that it throws is logged, no more.
 *
 * @example
 * ```ts
 * @OnXeniooFailed()
 * async alert({ handler, event, error, attempts }: XeniooHandlerFailure) {}
 * ```
 *
 * @throws {XeniooHandlerError} while the class loads, on an option that does not exist
 */
export function OnXeniooFailed(
  options: XeniooHandlerOptions = {},
): XeniooHandlerDecorator<XeniooHandlerFailure> {
  const name = checkedName('@OnXeniooFailed()', options);
  return (target, key, descriptor) =>
    subscribe(target, key, descriptor, { to: 'failed', ...name });
}
