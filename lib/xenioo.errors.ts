import { Branded } from './brand.js';
/**
 * The options of a `XeniooModule` can't work. Thrown while the application
 * boots; the message lists every problem, and never a secret.
 */
@Branded('XeniooOptionsError')
export class XeniooOptionsError extends Error {
  override readonly name = 'XeniooOptionsError';

  constructor(
    /** One sentence a problem: what was expected, what was given, what to do. */
    readonly problems: readonly string[],
    options?: ErrorOptions,
  ) {
    super(
      `XeniooModule can't start:${problems.map(problem => `\n  - ${problem}`).join('')}`,
      options,
    );
  }
}

/**
 * A decorated handler can't work as it is written: two of one name, an unknown
 * event type, no method. Thrown while the class loads or the application boots.
 */
@Branded('XeniooHandlerError')
export class XeniooHandlerError extends Error {
  override readonly name = 'XeniooHandlerError';
}

/**
 * An inbox could not take a delivery, and took nothing of it. The call is
 * answered 503; an inbox of your own throws it when it is full or down.
 */
@Branded('XeniooInboxError')
export class XeniooInboxError extends Error {
  override readonly name = 'XeniooInboxError';
}

/**
 * Thrown by a handler for which another attempt can't help, as for a customer
 * who does not exist: it gives up at once.
 *
 * @example
 * ```ts
 * throw new XeniooUnrecoverableError('no such customer', { cause: error });
 * ```
 */
@Branded('XeniooUnrecoverableError')
export class XeniooUnrecoverableError extends Error {
  override readonly name = 'XeniooUnrecoverableError';
}

/**
 * A dead letter can't be replayed: there is none of that id, its handlers do not
 * exist any more, or it can't be understood still. It stays as it is.
 */
@Branded('XeniooDeadLetterError')
export class XeniooDeadLetterError extends Error {
  override readonly name = 'XeniooDeadLetterError';
}
