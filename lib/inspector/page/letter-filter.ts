import { get } from './api';
import type { Letter } from './contract';

export const PAGE_SIZE = 100;

export const NO_FILTER = {
  kind: '',
  handler: '',
  bot: '',
  conversationId: '',
  /** Part of the error's message, or of a reason why an entry is invalid. */
  error: '',
};

export type Filter = typeof NO_FILTER;

export const countOf = (filter: Filter, kind: string): number =>
  Object.values({ ...filter, kind: kind ? '' : filter.kind }).filter(Boolean)
    .length;

export const errorsOf = ({ error, event }: Letter): readonly string[] =>
  event.errors ?? (error ? [error.message] : []);

export const hasError = (letter: Letter, part: string): boolean =>
  !part ||
  [letter.event.reason ?? '', ...errorsOf(letter)].some(error =>
    error.toLowerCase().includes(part.toLowerCase()),
  );

/** Returns the fields of a filter that the API knows. */
export const queryFields = ({ error: _error, ...fields }: Filter) => fields;

export async function getPage(
  fields: ReturnType<typeof queryFields>,
  after: string | undefined,
): Promise<readonly Letter[]> {
  const { letters } = await get<{ letters: Letter[] }>('dead-letters', {
    ...fields,
    limit: PAGE_SIZE,
    after,
  });
  return letters;
}
