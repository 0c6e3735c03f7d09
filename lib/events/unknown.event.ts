import { XeniooEvent } from './xenioo.event.js';

/** An event of a type that this version does not know; everything it has is in `raw`. */
export class UnknownXeniooEvent extends XeniooEvent {
  /** The number on the wire, which is none of `XeniooEventType`. */
  declare readonly type: number;
  declare readonly typeName: 'unknown';
}
