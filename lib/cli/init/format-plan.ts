import type { FileChange, InitPlan } from './plan-init.js';

/** Formats the changes of a plan, without its secret. */
export function formatChanges({ changes, secret }: InitPlan): string {
  return changes.length === 0
    ? 'The application has everything already; nothing to change.'
    : changes.map(formatChange).join('\n').replaceAll(secret, '********');
}

/** Formats the steps that remain. */
export function formatSteps({ steps }: InitPlan): string {
  return steps.map((step, index) => `  ${index + 1}. ${step}`).join('\n');
}

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

/** Returns the lines that differ, with `+` or `-`, and this number of unchanged ones beside them. */
function diffLines(
  before: string,
  after: string,
  unchangedLines: number,
): string[] {
  const now = linesOf(after);
  const lines: string[] = [];
  const addUntil = (end: number) =>
    lines.push(...now.splice(0, end).map(line => `+ ${line}`));
  for (const line of linesOf(before)) {
    const index = now.indexOf(line);
    if (index === -1) {
      lines.push(`- ${line}`);
      continue;
    }
    addUntil(index);
    now.shift();
    lines.push(`  ${line}`);
  }
  addUntil(now.length);
  return lines.filter((_, index) =>
    lines
      .slice(Math.max(0, index - unchangedLines), index + unchangedLines + 1)
      .some(line => !line.startsWith(' ')),
  );
}

function linesOf(text: string): string[] {
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}
