/** Returns the bytes of a `bytea` as PostgreSQL writes it. */
export function bytesOf(text: string | null | undefined): Buffer {
  return Buffer.from((text ?? '').slice(2), 'hex');
}

/** Replaces what text in PostgreSQL can't hold: NUL, and half a character. */
export function storable(text: string | undefined): string | undefined {
  return text?.toWellFormed().replaceAll('\0', '\ufffd');
}
