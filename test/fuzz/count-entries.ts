import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { GeneratedBody } from './generate-body.js';

/**
 * How many entries a call brings, told without the library: as many as the JSON
 * array has, one for everything else.
 */
export function countEntries({ bytes, headers }: GeneratedBody): number {
  try {
    const text = new TextDecoder().decode(
      decoded(bytes, headers['content-encoding']),
    );
    const json: unknown = JSON.parse(text);
    return Array.isArray(json) ? json.length : 1;
  } catch {
    return 1;
  }
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
