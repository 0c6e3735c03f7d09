import { parse } from '@babel/parser';
import type { ImportDeclaration, Node, Program } from '@babel/types';

/** Range of a source text; `end` is exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Parses TypeScript with decorators; returns `undefined` if it has a syntax error. */
export function parseSource(source: string): Program | undefined {
  try {
    return parse(source, {
      sourceType: 'module',
      plugins: ['typescript', 'decorators-legacy'],
    }).program;
  } catch {
    return undefined;
  }
}

/** Returns the import declarations of a program. */
export function importsOf(program: Program | undefined): ImportDeclaration[] {
  return (program?.body ?? []).filter(
    statement => statement.type === 'ImportDeclaration',
  );
}

/** Returns the range of a node. */
export function rangeOf(node: Node): Range {
  return { start: node.start!, end: node.end! };
}

/** Yields a node and all nodes within it. */
export function* nodesOf(value: unknown): Generator<Node> {
  if (Array.isArray(value)) {
    for (const each of value) yield* nodesOf(each);
  } else if (isNode(value)) {
    yield value;
    for (const child of Object.values(value)) yield* nodesOf(child);
  }
}

function isNode(value: unknown): value is Node {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    'loc' in value
  );
}
