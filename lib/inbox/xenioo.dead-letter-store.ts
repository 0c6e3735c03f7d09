import type {
  XeniooDeadLetter,
  XeniooDeadLetterKind,
} from '../handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';

/** Selects the dead letters that match every given field. */
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
   * Maximum number of dead letters in the page.
   * @default 100
   */
  limit?: number | undefined;
  /** Id of the last letter of the previous page. */
  after?: string | undefined;
}

/** Stores the dead letters of an inbox, at most one per id, ordered from the oldest to the newest. */
export interface XeniooDeadLetterStore {
  /** @throws {XeniooDeadLetterError} if no letter has the id `after` */
  list(query?: XeniooDeadLetterQuery): Promise<XeniooDeadLetter[]>;

  /** Returns the letter with this id, if there is one. */
  get(id: string): Promise<XeniooDeadLetter | undefined>;

  /**
   * Replaces a letter by tasks that are due now and skip `dedupe`. Does both or
   * neither, and resolves once the tasks are stored.
   * @returns false if no letter has this id
   */
  replay(id: string, tasks: readonly XeniooTask[]): Promise<boolean>;

  /** @returns false if no letter has this id */
  remove(id: string): Promise<boolean>;
}

/** Default of `limit`. */
export const LETTERS_PER_PAGE = 100;

/** Returns true if a dead letter matches every given field of a filter. */
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
