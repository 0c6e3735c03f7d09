/** A sentence for each name in `given` that nobody would read; `others` are spoken of elsewhere. */
export function unknownNames(
  given: object,
  known: readonly string[],
  others: readonly string[] = [],
): string[] {
  return Object.keys(given)
    .filter(name => !known.includes(name) && !others.includes(name))
    .map(
      name =>
        `\`${name}\` is not an option here; known are ${known.join(', ')}`,
    );
}
