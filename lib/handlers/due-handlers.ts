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

/** At first every handler that is not done; then those that failed, when their time has come. */
export function dueHandlers(
  handlers: readonly XeniooHandler[],
  { attempted, done, failed }: XeniooProgress,
  { isLast = false }: XeniooAttempt,
): readonly Due[] {
  if (!attempted) {
    const all = firstAttempts(handlers);
    return done.length === 0
      ? all
      : all.filter(({ name }) => !done.includes(name));
  }
  const now = Date.now();
  return failed
    .filter(({ retryAt }) => isLast || retryAt <= now)
    .map(({ handler: name, attempts }) => {
      const handler = handlers.find(handler => handler.name === name);
      return { name, handler, attempts };
    });
}

/** Made once an application, not once an entry. */
const FIRST_ATTEMPTS = new WeakMap<readonly XeniooHandler[], readonly Due[]>();

function firstAttempts(handlers: readonly XeniooHandler[]): readonly Due[] {
  let all = FIRST_ATTEMPTS.get(handlers);
  if (!all) {
    all = handlers.map(handler => ({
      name: handler.name,
      handler,
      attempts: 0,
    }));
    FIRST_ATTEMPTS.set(handlers, all);
  }
  return all;
}
