import { UsageError } from './usage.error.js';

/** A field of an entry and its value. */
export type Field = readonly [name: string, value: unknown];

// A `UsageError`, since Commander's `InvalidArgumentError` would show what was given: people's words.

/**
 * One more `--field`: `city=Rome` is a text, and `age:=42`, `Data:=null`,
 * `tags:=["a"]` are JSON.
 *
 * @throws {UsageError}
 */
export function parseField(text: string, before: readonly Field[]): Field[] {
  const [, name, colon, value] = /^([^=]+?)(:?)=([^]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new UsageError(
      '--field: expected Name=text, or Name:=JSON such as age:=42 or Data:=null.',
    );
  }
  return [...before, [name, colon ? parseJson(value, '--field') : value]];
}

/**
 * What `--entry` holds: any JSON.
 *
 * @throws {UsageError}
 */
export function parseEntry(text: string): unknown {
  return parseJson(text, '--entry');
}

function parseJson(text: string, option: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new UsageError(
      `${option}: expected JSON, in which texts and names stand in double quotes; put single ones around the whole, as in --entry '{"Type":1}'.`,
    );
  }
}
