import { builderText, type ToolName } from './builder-text.js';
import { eventId } from './event-id.js';
import { freezeEntry } from './freeze-entry.js';
import { LAZY_ID } from './lazy-id.js';
import { parseWireDate } from './parse-wire-date.js';
import { variablesOf } from './variables-of.js';
import { wirePropertiesOf } from './wire-properties.js';
import type { XeniooReceipt } from './xenioo.receipt.js';

type Raw = Readonly<Record<string, unknown>>;

/**
 * Makes the finished event of an entry with a right `Type`, and freezes both;
 * nothing where it is not certain that the entry has no mistake.
 */
export type BuildEvent<E extends object> = (
  raw: Raw,
  receipt: XeniooReceipt,
  id?: string,
) => E | undefined;

/**
 * Compiles what the decorators of an event class say into a function that does
 * what `plainToInstance()` and `validateSync()` do, for entries without a
 * mistake. Of one that has a mistake it makes nothing: what is wrong is theirs
 * to explain. Nothing, too, for a class with other decorators than texts and
 * dates of the wire, or with values from the start: it steps aside rather than
 * guesses.
 */
export function compileEvent<E extends object>({
  eventClass,
  typeName,
}: {
  readonly eventClass: new () => E;
  readonly typeName: string;
}): BuildEvent<E> | undefined {
  const properties = wirePropertiesOf(eventClass);
  const isEmpty = () => Reflect.ownKeys(new eventClass()).length === 0;
  if (!properties || !isEmpty()) return undefined;
  const create = functionOf(builderText(properties));
  return create?.({
    prototype: eventClass.prototype,
    plain: Object.prototype,
    typeName,
    conditions: properties.map(({ requiredIf }) => requiredIf),
    parseWireDate,
    freezeRaw,
    eventId,
    LAZY_ID,
    defineProperty: Object.defineProperty,
    freeze: Object.freeze,
  }) as BuildEvent<E> | undefined;
}

type Tools = Record<ToolName, unknown>;

/** `undefined` in a process that was told to make no code of texts. */
function functionOf(text: string): ((tools: Tools) => unknown) | undefined {
  try {
    // oxlint-disable-next-line typescript/no-implied-eval -- the text is made of names in decorators alone
    return new Function('tools', text) as (tools: Tools) => unknown;
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}

const NO_VARIABLES: Raw = Object.freeze({});

/**
 * Freezes an entry that has so many documented fields, all of them texts.
 * @returns its variables; nothing where it is nested too deeply
 */
function freezeRaw(raw: Raw, known: number): Raw | undefined {
  if (Object.keys(raw).length === known) {
    Object.freeze(raw);
    return NO_VARIABLES;
  }
  return freezeEntry(raw) ? variablesOf(raw) : undefined;
}
