import type {
  XeniooDeadLetter,
  XeniooDeadLetterKind,
} from '../handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';

/** Selects dead letters; those that fit every given field. */
export interface XeniooDeadLetterFilter {
  kind?: XeniooDeadLetterKind | undefined;
  /** Name of the handler that failed, such as `'Crm.saveMessage'`. */
  handler?: string | undefined;
  eventId?: string | undefined;
  /** Your name for the bot. */
  bot?: string | undefined;
  /** Id of the conversation; entries that could not be read have none. */
  conversationId?: string | undefined;
}

/** Selects a page of dead letters. */
export interface XeniooDeadLetterQuery extends XeniooDeadLetterFilter {
  /**
   * Upper bound of the page.
   * @default 100
   */
  limit?: number | undefined;
  /** Id of the last letter of the page before. */
  after?: string | undefined;
}

/** Stores the dead letters of an inbox, one per id, the oldest first. */
export interface XeniooDeadLetterStore {
  /** @throws {XeniooDeadLetterError} when there is no letter of the id `after` */
  list(query?: XeniooDeadLetterQuery): Promise<XeniooDeadLetter[]>;

  get(id: string): Promise<XeniooDeadLetter | undefined>;

  /**
   * Replaces a letter by tasks that are due now and skip `dedupe`: both or neither.
   * @returns false where there is no such letter; resolves when that is safe
   */
  replay(id: string, tasks: readonly XeniooTask[]): Promise<boolean>;

  /** @returns false where there is no such letter */
  remove(id: string): Promise<boolean>;
}

/** Default `limit` of a page. */
export const LETTERS_PER_PAGE = 100;

/** Answers whether a letter fits every given field of a filter. */
export function matchesFilter(
  { kind, handler, entry }: XeniooDeadLetter,
  filter: XeniooDeadLetterFilter,
): boolean {
  const conversationId =
    'conversationId' in entry ? entry.conversationId : undefined;
  return (
    (filter.kind === undefined || filter.kind === kind) &&
    (filter.handler === undefined || filter.handler === handler) &&
    (filter.eventId === undefined || filter.eventId === entry.id) &&
    (filter.bot === undefined || filter.bot === entry.bot) &&
    (filter.conversationId === undefined ||
      filter.conversationId === conversationId)
  );
}
