import type { XeniooHandlerDecorator } from './on-xenioo.decorator.js';
import { addSubscription, methodUnder } from './subscription.js';
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
 */
export function OnXeniooFailed(): XeniooHandlerDecorator<XeniooHandlerFailure> {
  return (target, key, descriptor) =>
    addSubscription(methodUnder(target, key, descriptor), { to: 'failed' });
}
