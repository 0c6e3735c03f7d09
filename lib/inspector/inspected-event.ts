import type { XeniooEntry } from '../events/parse-entry.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';
import type { XeniooHandlerResult } from '../handlers/xenioo-task.js';

/** An event or an invalid entry as the page shows it: without the name of the user, and without its text unless `showText` is true. */
export interface InspectedEntry {
  readonly id: string;
  readonly kind: 'event' | 'invalid';
  readonly type?: number;
  readonly typeName: string;
  readonly bot: string;
  readonly channel?: string | undefined;
  readonly conversationId?: string | undefined;
  readonly date?: Date | undefined;
  readonly receivedAt: Date;
  readonly text?: string | undefined;
  readonly hasText: boolean;
  readonly reason?: string;
  readonly errors?: readonly string[];
}

/** Latest attempt of a handler. */
export interface InspectedResult {
  readonly handler: string;
  status: XeniooHandlerResult['status'] | 'running';
  attempt: number;
  durationMs?: number;
  error?: string;
}

export interface InspectedEvent extends InspectedEntry {
  readonly seq: number;
  readonly results: InspectedResult[];
}

/** Upper bounds of what the list shows of one entry. */
const MAX_NAME_LENGTH = 500;
const MAX_TEXT_LENGTH = 4_000;
const MAX_ERRORS = 20;

/** Returns the part of an entry that the page shows. */
export function inspectEntry(
  entry: XeniooEntry,
  showText: boolean,
): InspectedEntry {
  const { id, bot, receivedAt } = entry;
  if (isInvalidEntry(entry)) {
    return {
      id,
      kind: 'invalid',
      typeName: 'invalid',
      bot,
      receivedAt,
      hasText: false,
      reason: entry.reason,
      errors: entry.errors.slice(0, MAX_ERRORS),
    };
  }
  const text = textOf(entry);
  const { channel, conversationId } = entry;
  return {
    id,
    kind: 'event',
    type: entry.type,
    typeName: entry.typeName,
    bot,
    channel: channel && shorten(channel, MAX_NAME_LENGTH),
    conversationId: conversationId && shorten(conversationId, MAX_NAME_LENGTH),
    date: entry.date,
    receivedAt,
    text: showText && text ? shorten(text, MAX_TEXT_LENGTH) : undefined,
    hasText: Boolean(text),
  };
}

/** Returns the text of a message. */
export function textOf(entry: XeniooEntry): string | undefined {
  const { text } = entry as { readonly text?: string };
  return text;
}

/** Cuts a text to a length, and marks that. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
