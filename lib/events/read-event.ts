import type { Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { compileEvent, type BuildEvent } from './compile-event.js';
import type { WireEntry } from './wire-fields.js';
import type { XeniooEvent } from './xenioo.event.js';

/** The fields of an entry as an event, and what is wrong with them. */
export interface ReadEvent {
  readonly event: XeniooEvent;
  /** Each names a field, never a value; none where the event is right. */
  readonly errors: readonly string[];
}

const NO_ERRORS: readonly string[] = [];

/** What was compiled of each class, when its first entry came. */
const COMPILED = new Map<Type, BuildEvent<XeniooEvent> | undefined>();

/** Makes an event of the fields of an entry, as the decorators of its class say. */
export function readEvent(
  eventClass: Type<XeniooEvent>,
  fields: WireEntry,
): ReadEvent {
  if (!COMPILED.has(eventClass)) {
    COMPILED.set(eventClass, compileEvent(eventClass));
  }
  const event = COMPILED.get(eventClass)?.(fields);
  return event
    ? { event, errors: NO_ERRORS }
    : explainEvent(eventClass, fields);
}

/** The same by class-transformer and class-validator themselves: slower, with the reasons. */
export function explainEvent(
  eventClass: Type<XeniooEvent>,
  fields: WireEntry,
): ReadEvent {
  const event = plainToInstance<XeniooEvent, WireEntry>(eventClass, fields, {
    excludeExtraneousValues: true,
    exposeUnsetFields: false,
  });
  const errors = validateSync(event).flatMap(({ constraints = {} }) =>
    Object.values(constraints),
  );
  return { event, errors };
}
