import { Branded } from '../brand.js';
import type { XeniooEvent } from '../events/xenioo.events.js';

/** A handler that failed for good on an event: after its last attempt, or with a `XeniooUnrecoverableError`. */
@Branded('XeniooHandlerFailure')
export class XeniooHandlerFailure {
  constructor(
    readonly event: XeniooEvent,
    /** Name of the handler, such as `'Crm.saveMessage'`; absent if the process crashed repeatedly while handlers of the event were running. */
    readonly handler: string | undefined,
    /** Error of the last attempt. */
    readonly error: unknown,
    /** Number of attempts. */
    readonly attempts: number,
  ) {
    Object.freeze(this);
  }
}
