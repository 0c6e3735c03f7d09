import type { XeniooAttempt, XeniooProgress } from './xenioo.dispatch.js';
import type { XeniooHandler } from './xenioo.handler.js';

/** One handler that is to run, and what is known of it. */
export interface Due {
  readonly name: string;
  /** Absent where no handler has the name any more. */
  readonly handler: XeniooHandler | undefined;
  /** How many attempts it had before. */
  readonly attempts: number;
}

/** At first every handler; then those that failed, when their time has come. */
export function dueHandlers(
  handlers: readonly XeniooHandler[],
  { attempted, done, failed }: XeniooProgress,
  { isLast = false }: XeniooAttempt,
): Due[] {
  if (!attempted) {
    return handlers
      .filter(({ name }) => !done.includes(name))
      .map(handler => ({ name: handler.name, handler, attempts: 0 }));
  }
  const now = Date.now();
  return failed
    .filter(({ retryAt }) => isLast || retryAt <= now)
    .map(({ handler: name, attempts }) => {
      const handler = handlers.find(handler => handler.name === name);
      return { name, handler, attempts };
    });
}
