import type { Attributes } from '@opentelemetry/api';
import type { XeniooHandlerRun } from '../handlers/xenioo.observers.js';

/** Name of the tracer and the meter. */
export const SCOPE = 'nestjs-xenioo';

/** @see https://opentelemetry.io/docs/specs/semconv/messaging/ */
export const SYSTEM = { 'messaging.system': 'xenioo' } as const;

export const PROCESS = {
  ...SYSTEM,
  'messaging.operation.name': 'process',
  'messaging.operation.type': 'process',
} as const;

export const RECEIVE = {
  ...SYSTEM,
  'messaging.operation.name': 'receive',
} as const;

/** Attributes of a handler run: those with few values, and nothing of what people wrote. */
export function attributesOf({ handler, event }: XeniooHandlerRun): Attributes {
  return {
    'xenioo.bot': event.bot,
    'xenioo.event.type': event.typeName,
    'xenioo.handler': handler,
  };
}

/** Returns the class of an error, as `error.type` has it. */
export function errorTypeOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}
