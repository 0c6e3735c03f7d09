import { useEffect, useState } from 'preact/hooks';

/** Matches a small width, at which a detail covers the list. As in app.css. */
export const NARROW = matchMedia('(max-width: 48rem)');

export const DARK = matchMedia('(prefers-color-scheme: dark)');

/** Returns true while the query matches. */
export function useMatches(query: MediaQueryList): boolean {
  const [matches, setMatches] = useState(query.matches);
  useEffect(() => {
    const change = () => setMatches(query.matches);
    query.addEventListener('change', change);
    return () => query.removeEventListener('change', change);
  }, []);
  return matches;
}
