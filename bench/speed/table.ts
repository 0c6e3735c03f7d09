import { say } from '../scaling/report.js';

/** A Markdown table: the first column is text, the others are what is measured. */
export function sayTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  say(`| ${head.join(' | ')} |`);
  say(`| --- |${' ---: |'.repeat(head.length - 1)}`);
  for (const row of rows) say(`| ${row.join(' | ')} |`);
  say('');
}

/** Three digits that count, and thousands apart. */
export function figure(value: number): string {
  if (!Number.isInteger(value) && Math.abs(value) < 100) {
    return value.toPrecision(3);
  }
  return Math.round(value).toLocaleString('en-US');
}

export function bytesFigure(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
