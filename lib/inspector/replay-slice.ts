import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooDeadLetterFilter } from '../inbox/xenioo.dead-letter-store.js';
import {
  pageAfter,
  type XeniooDeadLetters,
} from '../inbox/xenioo.dead-letters.js';
import { XeniooDeadLetterError } from '../xenioo.errors.js';

/** Place at which the next slice begins. */
export interface ReplayPlace {
  /** Letters added after this time stay: a handler that fails again adds a letter. */
  readonly before: Date;
  /** Id of the last letter that was passed and stays. */
  readonly after?: string | undefined;
}

export interface ReplayedSlice {
  readonly replayed: number;
  readonly failed: readonly { readonly id: string; readonly reason: string }[];
  /** Absent when no letter is left. */
  readonly next?: ReplayPlace;
}

/** Replays the next letters that fit a filter, at most `limit`; those that can't be replayed stay. */
export async function replaySlice(
  letters: XeniooDeadLetters,
  filter: XeniooDeadLetterFilter,
  limit: number,
  { before, after }: ReplayPlace,
): Promise<ReplayedSlice> {
  const replayed = new Set<string>();
  const failed: { id: string; reason: string }[] = [];
  const passed = after === undefined ? [] : [after];
  let page: XeniooDeadLetter[];
  do {
    page = await pageAfter(passed, from =>
      letters.list({ ...filter, after: from }),
    );
    for (const { id, deadLetteredAt } of page) {
      // A letter of the same id is new: its handler has failed again.
      if (deadLetteredAt > before || replayed.has(id)) {
        passed.push(id);
        continue;
      }
      const reason = await reasonAgainst(letters, id);
      if (reason === undefined) {
        replayed.add(id);
      } else if (await letters.get(id)) {
        failed.push({ id, reason });
        passed.push(id);
      }
      if (replayed.size + failed.length < limit) continue;
      const next = { before, after: passed.at(-1) };
      return { replayed: replayed.size, failed, next };
    }
  } while (page.length > 0);
  return { replayed: replayed.size, failed };
}

/** Replays a letter; returns why that is not possible. */
async function reasonAgainst(
  letters: XeniooDeadLetters,
  id: string,
): Promise<string | undefined> {
  try {
    await letters.replay(id);
    return undefined;
  } catch (error) {
    if (error instanceof XeniooDeadLetterError) return error.message;
    throw error;
  }
}
