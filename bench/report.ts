export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Prints a Markdown table; the first column is text, the others are figures. */
export function sayTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  say(`| ${head.join(' | ')} |`);
  say(`| --- |${' ---: |'.repeat(head.length - 1)}`);
  for (const row of rows) say(`| ${row.join(' | ')} |`);
  say('');
}

/** Formats a number with three significant digits, or with separated thousands. */
export function figure(value: number): string {
  if (!Number.isInteger(value) && Math.abs(value) < 100) {
    return value.toPrecision(3);
  }
  return Math.round(value).toLocaleString('en-US');
}

export function bytesFigure(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** Returns the median of each property by itself. */
export function medians<T extends Record<keyof T, number>>(
  rounds: readonly T[],
): T {
  const names = Object.keys(rounds[0]!) as (keyof T)[];
  const entries = names.map(name => [
    name,
    median(rounds.map(figures => figures[name])),
  ]);
  return Object.fromEntries(entries) as T;
}
