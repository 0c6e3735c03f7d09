import type { GeneratedBody } from './generate-body.js';

/** More entries than these make a body one invalid entry. */
const MOST_ENTRIES = 20_000;

/**
 * Counts the entries of a call without the library: as many as the JSON array
 * has, one for everything else.
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
      // Broken text is one entry that keeps the bytes.
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

/** JSON begins with an ASCII character, so that UTF-16 has a mark or a NUL there. */
function charsetsOf([first, second]: Buffer, contentType = ''): string[] {
  if (second === 0 || (first === 0xff && second === 0xfe)) return ['utf-16le'];
  const isBig = first === 0 || (first === 0xfe && second === 0xff);
  if (isBig) return ['utf-16be'];
  const [, declared] = /charset="?([\w-]+)/.exec(contentType) ?? [];
  return declared === undefined ? ['utf-8'] : ['utf-8', declared];
}
