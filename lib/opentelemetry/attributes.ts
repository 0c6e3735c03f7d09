import type { Attributes } from '@opentelemetry/api';
import type { XeniooHandlerRun } from '../handlers/xenioo.observers.js';

/** Name of the tracer and the meter. */
export const SCOPE = 'nestjs-xenioo';

/** Attribute of every message metric and span. @see https://opentelemetry.io/docs/specs/semconv/messaging/ */
export const SYSTEM_ATTRIBUTES = { 'messaging.system': 'xenioo' } as const;

/** Attributes of an attempt of a handler. */
export const PROCESS_ATTRIBUTES = {
  ...SYSTEM_ATTRIBUTES,
  'messaging.operation.name': 'process',
  'messaging.operation.type': 'process',
} as const;

/** Attributes of an accepted call. */
export const RECEIVE_ATTRIBUTES = {
  ...SYSTEM_ATTRIBUTES,
  'messaging.operation.name': 'receive',
} as const;

/** Returns the attributes of a handler run. Each has few possible values, and none contains personal data. */
export function attributesOf({ handler, event }: XeniooHandlerRun): Attributes {
  return {
    'xenioo.bot': event.bot,
    'xenioo.event.type': event.typeName,
    'xenioo.handler': handler,
  };
}

/** Returns the value of the attribute `error.type` for an error. */
export function errorTypeOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}
