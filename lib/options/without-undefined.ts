type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Copies options without those that are `undefined`, so that they get their defaults. */
export function withoutUndefined<T extends object>(given: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}
