import type { XeniooEventType } from '../events/xenioo-event-type.js';

/** Fields of entries of all types. */
interface AnyFields {
  readonly ItemType?: string | null | undefined;
  readonly ItemSubType?: string | null | undefined;
  /** Text of a message: `event.text`. */
  readonly Data?: string | null | undefined;
  /** ISO 8601 with an offset and up to seven fraction digits. */
  readonly Date?: string | null | undefined;
  readonly BotToken?: string | null | undefined;
  readonly AccountName?: string | null | undefined;
  readonly ConversationId?: string | null | undefined;
  readonly UserName?: string | null | undefined;
  readonly Channel?: string | null | undefined;
  /** Text that was not understood, of type 7. */
  readonly Text?: string | null | undefined;
  /** Name of an intent or entity, of types 3 to 6. */
  readonly Name?: string | null | undefined;
  /** Key of an intent or entity, of types 3 to 6. */
  readonly Key?: string | null | undefined;
  readonly [variable: string]: unknown;
}

/** Documented fields of an entry, with their names on the wire; any other is a variable of the bot. */
export interface XeniooWireFields extends AnyFields {
  /** Fixed by the factory. */
  readonly Type?: never;
}

/** An entry as Xenioo sends it. */
export interface XeniooWireEntry extends AnyFields {
  /** A {@link XeniooEventType}, or a number that Xenioo may add. */
  readonly Type: XeniooEventType | (number & {});
}

/** Replaces fields of an entry; `undefined` removes one. */
export function withFields(
  entry: XeniooWireEntry,
  fields: XeniooWireFields = {},
): XeniooWireEntry {
  const all = Object.entries({ ...entry, ...fields });
  return Object.fromEntries(
    all.filter(([, value]) => value !== undefined),
  ) as XeniooWireEntry;
}
