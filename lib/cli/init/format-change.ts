import type { FileChange } from './plan-init.js';

/** Formats a change: its kind and its path, and for a changed file the lines that differ. */
export function formatChange({ path, before, after }: FileChange): string {
  if (before === undefined) return `  create  ${path}`;
  // Lines of .env beside the added ones may be secrets.
  const unchangedLines = path.endsWith('.ts') ? 1 : 0;
  return [
    `  change  ${path}`,
    ...diffLines(before, after, unchangedLines).map(line =>
      `            ${line}`.trimEnd(),
    ),
  ].join('\n');
}

/** Returns the lines that differ, with `+` or `-`, and so many unchanged ones beside them. */
function diffLines(
  before: string,
  after: string,
  unchangedLines: number,
): string[] {
  const old = linesOf(before);
  const now = linesOf(after);
  const lines: { readonly sign: '+' | '-' | ' '; readonly text: string }[] = [];
  const common = longestCommon(old, now);
  let row = 0;
  let column = 0;
  while (row < old.length || column < now.length) {
    if (row < old.length && old[row] === now[column]) {
      lines.push({ sign: ' ', text: old[row]! });
      row++;
      column++;
    } else if (
      row < old.length &&
      (column === now.length ||
        common[row + 1]![column]! >= common[row]![column + 1]!)
    ) {
      lines.push({ sign: '-', text: old[row++]! });
    } else {
      lines.push({ sign: '+', text: now[column++]! });
    }
  }
  return lines
    .filter((_, index) =>
      lines
        .slice(Math.max(0, index - unchangedLines), index + unchangedLines + 1)
        .some(({ sign }) => sign !== ' '),
    )
    .map(({ sign, text }) => `${sign} ${text}`);
}

/** Returns the number of common lines after each pair of lines. */
function longestCommon(
  old: readonly string[],
  now: readonly string[],
): number[][] {
  const common = Array.from({ length: old.length + 1 }, () =>
    Array.from({ length: now.length + 1 }, () => 0),
  );
  for (let row = old.length - 1; row >= 0; row--) {
    for (let column = now.length - 1; column >= 0; column--) {
      common[row]![column] =
        old[row] === now[column]
          ? common[row + 1]![column + 1]! + 1
          : Math.max(common[row + 1]![column]!, common[row]![column + 1]!);
    }
  }
  return common;
}

function linesOf(text: string): string[] {
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}
