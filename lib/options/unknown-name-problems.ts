/** Returns a message for each name in `given` that is not an option. Names in `others` have a message of their own. */
export function unknownNameProblems(
  given: object,
  known: readonly string[],
  others: readonly string[] = [],
): string[] {
  return Object.keys(given)
    .filter(name => !known.includes(name) && !others.includes(name))
    .map(
      name =>
        `\`${name}\` is not an option here; the options are ${known.join(', ')}`,
    );
}
