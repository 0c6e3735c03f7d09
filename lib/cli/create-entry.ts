import { XeniooEventType } from '../events/xenioo-event-type.js';
import {
  xeniooEntry,
  type XeniooEntryName,
} from '../simulator/xenioo-entry.js';
import type {
  XeniooWireEntry,
  XeniooWireFields,
} from '../simulator/xenioo-wire-entry.js';
import type { Field } from './option.parsers.js';

/** Fields that replace the defaults of an entry. */
export interface EntryFields {
  /** Text of the message: the field `Data`, or `Text` of an unmatched message. */
  readonly data?: string | undefined;
  /** Fields that replace all others. */
  readonly fields?: readonly Field[];
}

/** Creates a realistic entry of a known or unknown type. */
export function createEntry(
  type: number,
  { data, fields = [] }: EntryFields = {},
): XeniooWireEntry {
  const isUnmatched =
    (type as XeniooEventType) === XeniooEventType.UnmatchedMessage;
  const given: XeniooWireFields = {
    ...(data !== undefined && { [isUnmatched ? 'Text' : 'Data']: data }),
    // An assignment would lose a field called `__proto__`.
    ...Object.fromEntries(fields),
  };
  const name = XeniooEventType[type];
  return name === undefined
    ? xeniooEntry.unknown({ Type: type, ...given })
    : xeniooEntry[entryNameOf(name)](given);
}

/** Returns the name of the function of `xeniooEntry` for a type. */
export function entryNameOf(typeName: string): XeniooEntryName {
  return (typeName[0]!.toLowerCase() + typeName.slice(1)) as XeniooEntryName;
}
