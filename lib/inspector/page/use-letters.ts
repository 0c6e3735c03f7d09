import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, explain } from './api';
import type { Letter } from './contract';
import { getPage, PAGE_SIZE, queryFields, type Filter } from './letter-filter';
import { lettersVersion } from './store';

/** Upper bound of the dead letters that the page keeps. */
const MAX_LETTERS = 10_000;

/** Delay of a reload, so that many changes are one. */
const RELOAD_DELAY_MS = 500;

/** Reads dead letters page by page, and again when they change. */
export function useLetters(filter: Filter) {
  const [letters, setLetters] = useState<readonly Letter[]>();
  const [isComplete, setIsComplete] = useState(false);
  const [problem, setProblem] = useState('');
  const loading = useRef<symbol>(undefined);
  const fields = JSON.stringify(queryFields(filter));

  /** Adds pages to the letters, until there are `count` of them. */
  const load = async (
    found: readonly Letter[],
    count: number,
  ): Promise<void> => {
    const self = Symbol();
    loading.current = self;
    let letters = found;
    let isComplete = false;
    try {
      while (letters.length < count && !isComplete) {
        const page = await getPage(JSON.parse(fields), letters.at(-1)?.id);
        if (loading.current !== self) return;
        letters = [...letters, ...page];
        isComplete = page.length < PAGE_SIZE;
      }
      setLetters(letters);
      setIsComplete(isComplete);
      setProblem('');
    } catch (error) {
      if (loading.current !== self) return;
      const isRefused = error instanceof ApiError;
      // The last letter of the page before may be gone, and with it the place to go on.
      if (isRefused && error.status !== 401 && found.length > 0) {
        return load([], count);
      }
      setProblem(explain(error));
    }
    loading.current = undefined;
  };

  useEffect(() => {
    setLetters(undefined);
    void load([], PAGE_SIZE);
    return () => (loading.current = undefined);
  }, [fields]);

  const version = lettersVersion.value;
  const shownVersion = useRef(version);
  useEffect(() => {
    if (version === shownVersion.current) return undefined;
    const timer = setTimeout(() => {
      shownVersion.current = version;
      void load([], Math.max(letters?.length ?? 0, PAGE_SIZE));
    }, RELOAD_DELAY_MS);
    return () => clearTimeout(timer);
  }, [version, fields]);

  const loadMore = () => {
    if (!letters || isComplete || problem || loading.current) return;
    if (letters.length >= MAX_LETTERS) return;
    void load(letters, letters.length + PAGE_SIZE);
  };

  // The API does not search in errors: the page has to know all letters.
  useEffect(() => {
    if (filter.error) loadMore();
  }, [filter.error, letters]);

  return {
    letters,
    isComplete,
    problem,
    reload: () => void load([], PAGE_SIZE),
    loadMore,
  };
}
