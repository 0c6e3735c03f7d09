/** Formats a duration: `1.2 ms`, `840 ms`, `2.5 s`. */
export function formatMs(ms: number): string {
  if (ms >= 1_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** Formats a whole number, with its digits in groups. */
export function formatCount(count: number): string {
  return count.toLocaleString('en');
}

/** Formats rows as two aligned columns. */
export function formatRows(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([name = '']) => name.length));
  return rows
    .map(([name = '', value]) => `  ${name.padEnd(width)}  ${value}`)
    .join('\n');
}
