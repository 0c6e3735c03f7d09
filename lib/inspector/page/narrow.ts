/** Matches a small width, at which a detail covers the list. As in app.css. */
export const NARROW = matchMedia('(max-width: 48rem)');
