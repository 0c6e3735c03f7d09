/**
 * Cuts the text of a JSON array into the texts of its elements, and that of an
 * object into those of its members, without recursion: for entries that are
 * nested too deeply to be turned into text again.
 */
export function entryTexts(array: string): string[] {
  const texts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < array.length; at++) {
    const character = array[at]!;
    if (character === '"') {
      at = endOfString(array, at);
    } else if (character === '[' || character === '{') {
      if (++depth === 1) start = at + 1;
    } else if (character === ']' || character === '}') {
      const last = --depth === 0 ? array.slice(start, at).trim() : '';
      if (last !== '') texts.push(last);
    } else if (character === ',' && depth === 1) {
      texts.push(array.slice(start, at).trim());
      start = at + 1;
    }
  }
  return texts;
}

function endOfString(text: string, quote: number): number {
  let at = quote + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
