import type { CustomTypesConfig } from 'pg';

/** A row as PostgreSQL writes it: every value as text. */
export type Row = Record<string, string | null>;

/** Every value as text: applications change the parsers that all queries of a process share. */
export const AS_TEXT = {
  getTypeParser: () => (text: string) => text,
} as unknown as CustomTypesConfig;

/** Returns the bytes of a `bytea` as PostgreSQL writes it. */
export function bytesOf(text: string | null | undefined): Buffer {
  return Buffer.from((text ?? '').slice(2), 'hex');
}

/** Replaces what text in PostgreSQL can't hold: NUL, and half a character. */
export function storable(text: string | undefined): string | undefined {
  return text?.toWellFormed().replaceAll('\0', '\ufffd');
}
