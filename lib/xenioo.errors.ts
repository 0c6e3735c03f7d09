import { Branded } from './brand.js';

/**
 * Invalid options of a module of this package. Thrown while the application boots. The
 * message lists every problem and contains no secret.
 */
@Branded('XeniooOptionsError')
export class XeniooOptionsError extends Error {
  override readonly name = 'XeniooOptionsError';

  constructor(
    /** One message per problem, with the expected value, the given one and the remedy. */
    readonly problems: readonly string[],
    options?: ErrorOptions,
    module = 'XeniooModule',
  ) {
    super(
      `${module} failed to start:${problems.map(problem => `\n  - ${problem}`).join('')}`,
      options,
    );
  }
}

/**
 * Invalid decorated handler, such as two with one name or an unknown event type.
 * Thrown while the class loads or the application boots.
 */
@Branded('XeniooHandlerError')
export class XeniooHandlerError extends Error {
  override readonly name = 'XeniooHandlerError';
}

/**
 * Failure of an inbox to accept a delivery. Nothing of it is stored, and the call
 * is answered 503. A custom inbox throws it when it is full or down.
 */
@Branded('XeniooInboxError')
export class XeniooInboxError extends Error {
  override readonly name = 'XeniooInboxError';
}

/**
 * Failure that another attempt can't fix, such as a customer who does not exist. A
 * handler that throws it is not retried.
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
 * Failure to replay a dead letter: no letter has the id, its handler does not exist,
 * or its entry is still invalid. The letter is kept.
 */
@Branded('XeniooDeadLetterError')
export class XeniooDeadLetterError extends Error {
  override readonly name = 'XeniooDeadLetterError';
}
