/** Deepest nesting of an entry, itself counted: recursion overflows at some thousands. */
export const DEEPEST_NESTING = 100;

/**
 * Freezes a JSON value through and through.
 * @returns whether it is nested no deeper than {@link DEEPEST_NESTING}; if not, parts of it stay unfrozen
 */
export function freezeEntry(entry: unknown): boolean {
  const nodes = [{ node: entry, depth: 1 }];
  for (let next = nodes.pop(); next !== undefined; next = nodes.pop()) {
    const { node, depth } = next;
    if (typeof node !== 'object' || node === null) continue;
    if (depth > DEEPEST_NESTING) return false;
    Object.freeze(node);
    for (const child of Object.values(node)) {
      if (typeof child === 'object' && child !== null) {
        nodes.push({ node: child, depth: depth + 1 });
      }
    }
  }
  return true;
}
