import {
  xeniooEntry,
  type XeniooWireEntry,
  type XeniooWireFields,
} from '../../lib/testing/index.js';

/** Creates a user message. */
export function message(
  text: string,
  fields: XeniooWireFields = {},
): XeniooWireEntry {
  return xeniooEntry.userMessage({ Data: text, ...fields });
}

/** Creates user messages in seven conversations. */
export function messages(texts: readonly string[]): XeniooWireEntry[] {
  return texts.map((text, index) =>
    message(text, { ConversationId: `conversation ${index % 7}` }),
  );
}

/** Returns the given number of different texts. */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix} ${index}`);
}
