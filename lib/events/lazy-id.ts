import { eventId } from './event-id.js';
import type { XeniooEvent } from './xenioo.event.js';

const IDS = new WeakMap<XeniooEvent, string>();

/**
 * The `id` of an event with a date, made when it is first read. One descriptor
 * for all events: with one of its own each would have a hidden class of its own.
 */
export const LAZY_ID: PropertyDescriptor = Object.freeze({
  enumerable: true,
  configurable: true,
  get(this: XeniooEvent): string {
    let id = IDS.get(this);
    if (id === undefined) {
      id = eventId(this.raw);
      IDS.set(this, id);
    }
    return id;
  },
});
