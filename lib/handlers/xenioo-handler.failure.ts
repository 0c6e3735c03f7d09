import type { XeniooEvent } from '../events/xenioo.event.js';

/** A handler that gave up on an event: after its last attempt, or because an attempt can't help. */
export class XeniooHandlerFailure {
  constructor(
    readonly event: XeniooEvent,
    /** Name of the handler, as `'Crm.saveMessage'`. */
    readonly handler: string,
    /** What its last attempt threw. */
    readonly error: unknown,
    /** How many attempts there were. */
    readonly attempts: number,
  ) {
    Object.freeze(this);
  }
}
