import type { Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import type { WireEntry } from './wire-fields.js';
import type { XeniooEvent } from './xenioo.event.js';

/** The fields of an entry as an event, and what is wrong with them. */
export interface ExplainedEvent {
  readonly event: XeniooEvent;
  /** Each names a field, never a value; none where the event is right. */
  readonly errors: readonly string[];
}

/** Makes an event of the fields of an entry, as the decorators of its class say. */
export function explainEvent(
  eventClass: Type<XeniooEvent>,
  fields: WireEntry,
): ExplainedEvent {
  const event = plainToInstance<XeniooEvent, WireEntry>(eventClass, fields, {
    excludeExtraneousValues: true,
    exposeUnsetFields: false,
  });
  const errors = validateSync(event).flatMap(({ constraints = {} }) =>
    Object.values(constraints),
  );
  return { event, errors };
}
