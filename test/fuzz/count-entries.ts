import type { GeneratedBody } from './generate-body.js';

/** Limit above which a body is one invalid entry. */
const MOST_ENTRIES = 20_000;

/**
 * Counts the entries of a call without the library: the length of a JSON array,
 * or one for anything else.
 */
export function countEntries({
  decoded,
  headers,
}: Pick<GeneratedBody, 'decoded' | 'headers'>): number {
  for (const charset of charsetsOf(decoded, headers['content-type'])) {
    try {
      const text = new TextDecoder(charset, { fatal: true }).decode(decoded);
      return countIn(text);
    } catch {
      // A body that can't be decoded is one entry that keeps the bytes.
    }
  }
  return 1;
}

function countIn(text: string): number {
  try {
    const json: unknown = JSON.parse(text);
    if (!Array.isArray(json) || json.length > MOST_ENTRIES) return 1;
    return json.length;
  } catch {
    return 1;
  }
}

/** Detects UTF-16, in which JSON starts with a byte-order mark or has a NUL byte in the first character. */
function charsetsOf([first, second]: Buffer, contentType = ''): string[] {
  if (second === 0 || (first === 0xff && second === 0xfe)) return ['utf-16le'];
  const isBig = first === 0 || (first === 0xfe && second === 0xff);
  if (isBig) return ['utf-16be'];
  const [, declared] = /charset="?([\w-]+)/.exec(contentType) ?? [];
  return declared === undefined ? ['utf-8'] : ['utf-8', declared];
}
