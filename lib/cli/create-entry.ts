import { XeniooEventType } from '../events/xenioo-event-type.js';
import {
  xeniooEntry,
  type XeniooEntryFactory,
  type XeniooEntryName,
} from '../simulator/xenioo-entry.js';
import type {
  XeniooWireEntry,
  XeniooWireFields,
} from '../simulator/xenioo-wire-entry.js';
import type { Field } from './field.parser.js';

/** What an entry is to hold besides what it has by default. */
export interface EntryFields {
  /** What was written: `Data`, or `Text` of an unmatched message. */
  readonly data?: string;
  /** Any fields, over all others. */
  readonly fields?: readonly Field[];
}

/** A realistic entry of a type, known or not, with some fields given. */
export function createEntry(
  type: number,
  { data, fields = [] }: EntryFields = {},
): XeniooWireEntry {
  const dataField =
    (type as XeniooEventType) === XeniooEventType.UnmatchedMessage
      ? 'Text'
      : 'Data';
  const given: XeniooWireFields = {
    ...(data !== undefined && { [dataField]: data }),
    // Not by assignment, which loses a field called `__proto__`.
    ...Object.fromEntries(fields),
  };
  const create = factoryOf(type);
  return create ? create(given) : xeniooEntry.unknown({ Type: type, ...given });
}

function factoryOf(type: number): XeniooEntryFactory | undefined {
  const name = XeniooEventType[type];
  if (name === undefined) return undefined;
  const camelCase = name.charAt(0).toLowerCase() + name.slice(1);
  return xeniooEntry[camelCase as XeniooEntryName];
}
