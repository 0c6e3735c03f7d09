import {
  xeniooEntry,
  type XeniooWireEntry,
  type XeniooWireFields,
} from '../../lib/testing/index.js';

/** What a user writes. */
export function message(
  text: string,
  fields: XeniooWireFields = {},
): XeniooWireEntry {
  return xeniooEntry.userMessage({ Data: text, ...fields });
}

/** What users write in seven conversations. */
export function messages(texts: readonly string[]): XeniooWireEntry[] {
  return texts.map((text, index) =>
    message(text, { ConversationId: `conversation ${index % 7}` }),
  );
}

/** So many texts that differ. */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix} ${index}`);
}
