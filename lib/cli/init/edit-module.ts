import type { ObjectExpression, ObjectProperty } from '@babel/types';
import {
  appendItems,
  hasComments,
  indentAt,
  writeLines,
  type SourceList,
} from './append-items.js';
import { importsOf, nodesOf, parseSource, rangeOf } from './parse-source.js';
import type { SourceStyle } from './source-style.js';

/** Names to import from a module. */
export interface NamedImport {
  readonly names: readonly string[];
  readonly from: string;
}

/** Code to add to a class with `@Module()`. */
export interface ModuleAdditions {
  readonly className: string;
  readonly namedImports: readonly NamedImport[];
  /** Elements of `imports`. */
  readonly imports: readonly string[];
  /** Elements of `providers`. */
  readonly providers: readonly string[];
}

type Metadata = 'imports' | 'providers';

/** Returns the source with the additions, or `undefined` if they have no clear place in it. */
export function editModule(
  source: string,
  { className, namedImports, imports, providers }: ModuleAdditions,
  style: SourceStyle,
): string | undefined {
  let edited: string | undefined = source;
  for (const [name, items] of Object.entries({ imports, providers })) {
    if (edited === undefined) return undefined;
    if (items.length === 0) continue;
    edited = addMetadata(edited, className, name as Metadata, items, style);
  }
  return namedImports.reduce(
    (text, named) => text && addNamedImport(text, named, style),
    edited,
  );
}

function addMetadata(
  source: string,
  className: string,
  name: Metadata,
  items: readonly string[],
  style: SourceStyle,
): string | undefined {
  const metadata = findMetadata(source, className);
  if (metadata === undefined) return undefined;
  const list = listOf(metadata);
  const index = metadata.properties.findLastIndex(
    property => property.type !== 'SpreadElement' && nameOf(property) === name,
  );
  const property = metadata.properties[index];
  const mayBeSpread = metadata.properties
    .slice(index + 1)
    .some(({ type }) => type === 'SpreadElement');
  if (mayBeSpread) return undefined;
  // Prettier keeps the lines of an object as they are, and a module of Nest has lines.
  const [first] = list.items;
  const begin = source.slice(list.start, first?.start ?? list.end);
  if (!begin.includes('\n') && !hasComments(source, list)) {
    const lines = writeLines(source, list, [], style);
    return addMetadata(lines, className, name, items, style);
  }
  if (property !== undefined) {
    return property.type === 'ObjectProperty'
      ? extendProperty(source, property, items, style)
      : undefined;
  }
  // As in a module that Nest makes, imports come first.
  const added =
    name === 'imports' && first
      ? insertBefore(source, first.start, 'imports: [],', style)
      : appendItems(source, list, [`${name}: []`], style);
  return addMetadata(added, className, name, items, style);
}

function insertBefore(
  source: string,
  index: number,
  text: string,
  { lineEnd }: SourceStyle,
): string {
  return (
    source.slice(0, index) +
    text +
    lineEnd +
    indentAt(source, index) +
    source.slice(index)
  );
}

function extendProperty(
  source: string,
  property: ObjectProperty,
  items: readonly string[],
  style: SourceStyle,
): string {
  const { value } = property;
  if (value.type === 'ArrayExpression') {
    const elements = value.elements.filter(element => element !== null);
    const list = { ...rangeOf(value), items: elements.map(rangeOf) };
    return appendItems(source, list, items, style);
  }
  const { start, end } = rangeOf(value);
  const name = property.shorthand ? `${nameOf(property)}: ` : '';
  const spread = `${name}[...${source.slice(start, end)}]`;
  const edited = source.slice(0, start) + spread + source.slice(end);
  const list = {
    start: start + name.length,
    end: start + spread.length,
    items: [{ start: start + name.length + 1, end: start + spread.length - 1 }],
  };
  return appendItems(edited, list, items, style);
}

function nameOf(member: { key: { type: string } }): string | undefined {
  const key = member.key as { name?: string; value?: string };
  return key.name ?? key.value;
}

function listOf(object: ObjectExpression): SourceList {
  return { ...rangeOf(object), items: object.properties.map(rangeOf) };
}

/** Finds the argument of `@Module()` on a class. */
function findMetadata(
  source: string,
  className: string,
): ObjectExpression | undefined {
  for (const node of nodesOf(parseSource(source))) {
    if (node.type !== 'ClassDeclaration' || node.id?.name !== className) {
      continue;
    }
    const [argument] = (node.decorators ?? []).flatMap(({ expression }) =>
      expression.type === 'CallExpression' &&
      expression.callee.type === 'Identifier' &&
      expression.callee.name === 'Module'
        ? expression.arguments
        : [],
    );
    return argument?.type === 'ObjectExpression' ? argument : undefined;
  }
  return undefined;
}

/** Imports names of a package before the files of the application, and names of a file after all. */
function addNamedImport(
  source: string,
  { names, from }: NamedImport,
  style: SourceStyle,
): string {
  const imports = importsOf(parseSource(source));
  const own = imports.find(
    ({ importKind, specifiers, source: { value } }) =>
      value === from &&
      importKind !== 'type' &&
      specifiers.some(({ type }) => type === 'ImportSpecifier'),
  );
  if (own !== undefined) {
    const items = own.specifiers
      .filter(({ type }) => type === 'ImportSpecifier')
      .map(rangeOf);
    const list = {
      start: source.lastIndexOf('{', items[0]!.start),
      end: source.indexOf('}', items.at(-1)!.end) + 1,
      items,
    };
    const known = new Set(own.specifiers.map(({ local }) => local.name));
    const missing = names.filter(name => !known.has(name));
    return missing.length === 0
      ? source
      : appendItems(source, list, missing, style);
  }
  const line = formatNamedImport({ names, from }, style);
  const isPackage = ({ source: { value } }: (typeof imports)[number]) =>
    !value.startsWith('.');
  const before =
    (from.startsWith('.') ? undefined : imports.findLast(isPackage)) ??
    imports.at(-1);
  if (before === undefined) return `${line}${style.lineEnd}${source}`;
  const lineEnd = /\r?\n|$/g;
  lineEnd.lastIndex = before.end!;
  const { index } = lineEnd.exec(source)!;
  return source.slice(0, index) + style.lineEnd + line + source.slice(index);
}

/** Writes an import declaration, on several lines if one is too short. */
export function formatNamedImport(
  { names, from }: NamedImport,
  style: SourceStyle,
): string {
  const { quote, hasSemicolons, hasSpacesInBraces, width } = style;
  const end = ` from ${quote}${from}${quote}${hasSemicolons ? ';' : ''}`;
  const space = hasSpacesInBraces ? ' ' : '';
  const line = `import {${space}${names.join(', ')}${space}}${end}`;
  if (line.length <= width) return line;
  const list = { start: 7, end: 9, items: [] };
  return writeLines(`import {}${end}`, list, names, style);
}
