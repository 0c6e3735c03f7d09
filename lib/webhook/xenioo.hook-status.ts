/**
 * How the webhook fares, over every instance of the module in the application.
 * Injectable; a health check can stand on it.
 */
export abstract class XeniooHookStatus {
  /** Answers other than 200 to a right secret since the last reset. Past 10 failed calls Xenioo stops calling, for good. */
  abstract readonly strikes: number;

  /** Calls answered 401 since the last reset: a scanner's, or Xenioo's with a secret that is not configured. */
  abstract readonly refused: number;

  /** When a call was last answered 200. */
  abstract readonly lastAcceptedAt: Date | undefined;

  /** When a call with at least one event in it was last answered 200. */
  abstract readonly lastEventAt: Date | undefined;

  /** Begins to count anew: for when the bot was saved and published again in Xenioo. */
  abstract reset(): void;
}

/** An answer other than 200 to a right secret: `xenioo.strike` on the bus. */
export interface XeniooStrike {
  /** How many there were since the last reset, this one counted. */
  readonly strikes: number;
  /** HTTP status of the answer. */
  readonly status: number;
  /** Your name for the bot. */
  readonly bot: string;
  /** Why, and what to do; never a secret, a body or a name of a person. */
  readonly reason: string;
  readonly at: Date;
}
