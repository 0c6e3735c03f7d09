import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import { jsonText } from '../events/json-text.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooDeadLetterFilter } from '../inbox/xenioo.dead-letter-store.js';
import {
  pageAfter,
  type XeniooDeadLetters,
} from '../inbox/xenioo.dead-letters.js';
import { API_HEADERS } from './answer.js';
import { inspectEntry, type InspectedEntry } from './inspected-event.js';

/** A dead letter as the page shows it. */
export interface InspectedLetter extends Omit<
  XeniooDeadLetter,
  'entry' | 'carrier'
> {
  readonly event: InspectedEntry;
}

/** Returns the part of a dead letter that the page shows. */
export function inspectLetter(
  letter: XeniooDeadLetter,
  showText: boolean,
): InspectedLetter {
  const { entry, carrier: _, ...shown } = letter;
  return { ...shown, event: inspectEntry(entry, showText) };
}

/**
 * Writes a recording that `npx nestjs-xenioo replay` sends again: one call for each
 * entry of the dead letters.
 */
export async function exportLetters(
  letters: XeniooDeadLetters,
  filter: XeniooDeadLetterFilter,
  response: ServerResponse,
): Promise<void> {
  const exported = new Set<string>();
  for await (const { entry } of allLetters(letters, filter)) {
    if (!response.headersSent) writeHead(response);
    if (exported.has(entry.id)) continue;
    exported.add(entry.id);
    if (response.destroyed) return;
    if (!response.write(lineOf(entry))) await drained(response);
  }
  if (!response.headersSent) writeHead(response);
  response.end();
}

/** Iterates over all letters that fit a filter; others may remove some meanwhile. */
async function* allLetters(
  letters: XeniooDeadLetters,
  filter: XeniooDeadLetterFilter,
): AsyncGenerator<XeniooDeadLetter, void> {
  const passed: string[] = [];
  let page: XeniooDeadLetter[];
  do {
    page = await pageAfter(passed, after => letters.list({ ...filter, after }));
    passed.push(...page.map(({ id }) => id));
    yield* page;
  } while (page.length > 0);
}

function lineOf(entry: XeniooDeadLetter['entry']): string {
  const { raw, receivedAt } = entry;
  const isBody =
    isInvalidEntry(entry) &&
    typeof raw === 'string' &&
    entry.reason !== 'not-an-event';
  return `${JSON.stringify({
    receivedAt: receivedAt.toISOString(),
    contentType: 'application/json',
    body: isBody ? raw : jsonText(raw),
  })}\n`;
}

function writeHead(response: ServerResponse): void {
  response.writeHead(200, {
    ...API_HEADERS,
    'content-type': 'application/x-ndjson',
    'content-disposition': 'attachment; filename="xenioo-dead-letters.ndjson"',
  });
}

/** Resolves when the response takes more, or its connection is gone. */
async function drained(response: ServerResponse): Promise<void> {
  const abort = new AbortController();
  const { signal } = abort;
  await Promise.race([
    once(response, 'drain', { signal }),
    once(response, 'close', { signal }),
  ]).finally(() => abort.abort());
}
