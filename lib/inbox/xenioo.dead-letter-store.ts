import type { XeniooEvent } from '../events/xenioo.event.js';
import type { XeniooDeadLetter, XeniooDeadLetterKind } from './dead-letter.js';

/** Which dead letters are meant: all, or those of a kind or of a handler. */
export interface XeniooDeadLetterFilter {
  kind?: XeniooDeadLetterKind | undefined;
  /** Name of a handler that gave up, as `'Crm.saveMessage'`. */
  handler?: string | undefined;
}

/** Which page of them. */
export interface XeniooDeadLetterQuery extends XeniooDeadLetterFilter {
  /**
   * How many at most.
   * @default 100
   */
  limit?: number | undefined;
  /** Id of the letter after which the page begins: the last one of the page before. */
  after?: string | undefined;
}

/** What a dead letter becomes when it is replayed. */
export interface XeniooReplay {
  /** The event of the letter, or those that an invalid entry turned out to be. */
  readonly entries: readonly XeniooEvent[];
  /** The handlers that run, with fresh attempts; absent where every one that matches is to. */
  readonly handlers?: readonly string[] | undefined;
}

/** Where an inbox keeps its dead letters: one an id, the oldest first. */
export interface XeniooDeadLetterStore {
  /** @throws {XeniooDeadLetterError} when there is no letter of the id `after` */
  list(query?: XeniooDeadLetterQuery): Promise<XeniooDeadLetter[]>;

  get(id: string): Promise<XeniooDeadLetter | undefined>;

  /**
   * Makes the entries pending, past `dedupe`, and takes the letter away, or of an
   * event the failures of these handlers: both or neither.
   * @returns whether there was such a letter; resolves when that is safe
   */
  replay(id: string, replay: XeniooReplay): Promise<boolean>;

  /** @returns whether there was such a letter */
  remove(id: string): Promise<boolean>;
}

/** How many letters a page has that does not say. */
export const LETTERS_A_PAGE = 100;

/** Whether a letter is one of those meant. */
export function isMeant(
  letter: {
    readonly kind: XeniooDeadLetterKind;
    readonly handlers: readonly string[];
  },
  filter: XeniooDeadLetterFilter,
): boolean {
  return (
    (filter.kind === undefined || filter.kind === letter.kind) &&
    (filter.handler === undefined || letter.handlers.includes(filter.handler))
  );
}
