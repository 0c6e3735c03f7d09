type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** An option that is given as `undefined` is not given. */
export function withoutUndefined<T extends object>(given: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}
