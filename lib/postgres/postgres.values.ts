import type { CustomTypesConfig } from 'pg';

/** A row with every value as text. */
export type Row = Record<string, string | null>;

/** Parsers that return every value as text: applications may change the global parsers of `pg`. */
export const AS_TEXT = {
  getTypeParser: () => (text: string) => text,
} as unknown as CustomTypesConfig;

/** Returns the bytes of a hexadecimal text. */
export function bytesOf(text: string | null | undefined): Buffer {
  return Buffer.from(text ?? '', 'hex');
}

/** Replaces characters that text in PostgreSQL can't contain: NUL and lone surrogates. */
export function storable(text: string | undefined): string | undefined {
  return text?.toWellFormed().replaceAll('\0', '\ufffd');
}
