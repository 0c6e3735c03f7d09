import type { Range } from './parse-source.js';
import type { SourceStyle } from './source-style.js';

/** List in a source text: of array elements, properties or imported names. */
export interface SourceList extends Range {
  readonly items: readonly Range[];
}

/**
 * Appends items to a list, which begins with its opening bracket and ends with its
 * closing one. The list stays on one line if it was, and fits.
 */
export function appendItems(
  source: string,
  list: SourceList,
  added: readonly string[],
  style: SourceStyle,
): string {
  const last = list.items.at(-1);
  const afterLast = last?.end ?? list.start + 1;
  const tail = source.slice(afterLast, list.end - 1);
  if (last !== undefined ? tail.includes('\n') : tail.trim() !== '') {
    return appendLines(source, list, added, style);
  }
  const oneLine = appendToLine(source, list, added, style);
  const isShort =
    !/\n/.test(source.slice(list.start, list.end) + added.join('')) &&
    lineAt(oneLine, list.start).length <= style.width;
  return isShort || hasComments(source, list)
    ? oneLine
    : writeLines(source, list, added, style);
}

/** Writes each item of a list on a line of its own. */
export function writeLines(
  source: string,
  list: SourceList,
  added: readonly string[],
  style: SourceStyle,
): string {
  const outer = indentAt(source, list.start);
  const own = list.items.map(item => {
    const text = source.slice(item.start, item.end);
    // The lines of a template literal belong to its text.
    const isIndented = indentAt(source, item.start) !== outer;
    return text.includes('`') || isIndented
      ? text
      : text.replaceAll('\n', `\n${style.indent}`);
  });
  const inner = outer + style.indent;
  const lines = [...own, ...added.map(text => indentLines(text, inner))]
    .map(text => inner + text)
    .join(`,${style.lineEnd}`);
  const comma = style.hasTrailingCommas && lines !== '' ? ',' : '';
  const end = comma + style.lineEnd + outer;
  return (
    source.slice(0, list.start + 1) +
    (lines === '' ? '' : style.lineEnd + lines) +
    end +
    source.slice(list.end - 1)
  );
}

/** Appends lines to a list that has lines of its own, or only comments. */
function appendLines(
  source: string,
  list: SourceList,
  added: readonly string[],
  { indent, lineEnd, hasTrailingCommas }: SourceStyle,
): string {
  const last = list.items.at(-1);
  const inner = last
    ? indentAt(source, last.start)
    : indentAt(source, list.start) + indent;
  const afterLast = last?.end ?? list.start + 1;
  const tail = source.slice(afterLast, list.end - 1);
  const comments = /^(?:\/\/.*|\/\*[^]*?\*\/|\s)*/.exec(tail)![0];
  const hasComma = last !== undefined && tail.startsWith(',', comments.length);
  const beforeAdded = hasComma ? tail : `${last ? ',' : ''}${tail}`;
  const isClosedOnNewLine = /\n[ \t]*$/.test(beforeAdded);
  const lines = added
    .map(text => inner + indentLines(text, inner))
    .join(`,${lineEnd}`);
  const hasEndComma = last ? hasComma : hasTrailingCommas;
  return (
    source.slice(0, afterLast) +
    beforeAdded.trimEnd() +
    lineEnd +
    lines +
    (hasEndComma ? ',' : '') +
    (isClosedOnNewLine
      ? /\r?\n[ \t]*$/.exec(beforeAdded)![0]
      : lineEnd + indentAt(source, list.start)) +
    source.slice(list.end - 1)
  );
}

function appendToLine(
  source: string,
  { start, end, items }: SourceList,
  added: readonly string[],
  style: SourceStyle,
): string {
  const last = items.at(-1);
  const text = added.join(', ');
  if (last) {
    const tail = source.slice(last.end, end - 1).replace(/^\s*,/, '');
    return `${source.slice(0, last.end)}, ${text}${tail}${source.slice(end - 1)}`;
  }
  const space = source[start] === '{' && style.hasSpacesInBraces ? ' ' : '';
  return (
    source.slice(0, start + 1) + space + text + space + source.slice(end - 1)
  );
}

/** Returns true if there is a comment between the items. */
export function hasComments(
  source: string,
  { start, end, items }: SourceList,
): boolean {
  let between = source.slice(start, end);
  for (const item of items.toReversed()) {
    between =
      between.slice(0, item.start - start) + between.slice(item.end - start);
  }
  return /\/[/*]/.test(between);
}

function indentLines(text: string, indent: string): string {
  return text.replaceAll('\n', `\n${indent}`);
}

function lineAt(source: string, index: number): string {
  const start = source.lastIndexOf('\n', index) + 1;
  return /^.*/.exec(source.slice(start))![0];
}

/** Returns the indentation of the line of an index. */
export function indentAt(source: string, index: number): string {
  return /^[ \t]*/.exec(lineAt(source, index))![0];
}
