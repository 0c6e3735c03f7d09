import { compileEvent, type BuildEvent } from './compile-event.js';
import { isForeign, isTypeNumber } from './entry-rules.js';
import { eventRow } from './xenioo-event.table.js';
import type { XeniooEvent } from './xenioo.event.js';
import type { XeniooReceipt } from './xenioo.receipt.js';

/** What was compiled of each row of the table, when its first entry came. */
const COMPILED = new Map<object, BuildEvent<XeniooEvent> | undefined>();

/**
 * Makes the event of an entry that is right in all; nothing of any other, nor
 * where it is not certain. What is wrong is for `explainEntry()` to say.
 *
 * @param id the one that it got when it was received, if that was before
 */
export function buildEvent(
  entry: unknown,
  receipt: XeniooReceipt,
  id?: string,
): XeniooEvent | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const raw = entry as Record<string, unknown>;
  const { Type: type } = raw;
  if (!isTypeNumber(type)) return undefined;
  const event = builderOf(type)?.(raw, receipt, id);
  return event && !isForeign(event, receipt.bot) ? event : undefined;
}

function builderOf(type: number): BuildEvent<XeniooEvent> | undefined {
  const row = eventRow(type);
  const build = COMPILED.get(row);
  if (build || COMPILED.has(row)) return build;
  const compiled = compileEvent(row);
  COMPILED.set(row, compiled);
  return compiled;
}
