import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { GeneratedBody } from './generate-body.js';

/**
 * Counts the entries of a call without the library: as many as the JSON array
 * has, one for everything else.
 */
export function countEntries({ bytes, headers }: GeneratedBody): number {
  try {
    const plain = decoded(bytes, headers['content-encoding']);
    // Broken text is one entry that keeps the bytes.
    const text = new TextDecoder(charsetOf(plain), { fatal: true });
    const json: unknown = JSON.parse(text.decode(plain));
    return Array.isArray(json) ? json.length : 1;
  } catch {
    return 1;
  }
}

/** JSON begins with an ASCII character, so that UTF-16 has a mark or a NUL there. */
function charsetOf([first, second]: Buffer): string {
  if (second === 0 || (first === 0xff && second === 0xfe)) return 'utf-16le';
  const isBig = first === 0 || (first === 0xfe && second === 0xff);
  return isBig ? 'utf-16be' : 'utf-8';
}

function decoded(bytes: Buffer, encoding: string | undefined): Buffer {
  try {
    if (encoding === 'gzip' || encoding === 'x-gzip') return gunzipSync(bytes);
    if (encoding === 'deflate') return inflateSync(bytes);
    if (encoding === 'br') return brotliDecompressSync(bytes);
    return bytes;
  } catch {
    return bytes;
  }
}
