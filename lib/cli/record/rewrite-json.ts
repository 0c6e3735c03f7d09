/** The object or array around a name or value. */
export interface JsonScope {
  readonly isObject: boolean;
  /** 1 for the outermost. */
  readonly depth: number;
}

/** What stands for names and values. Each gets the text of one as JSON spells it, and gives such a text. */
export interface JsonRewriter {
  /** The name of a member. */
  name?(name: string, scope: JsonScope): string;
  /** A string, number, boolean or null; without a scope where it is all that there is. */
  scalar(scalar: string, scope: JsonScope | undefined): string;
}

/**
 * Writes a text of JSON again with other names and values, and without white
 * space. It works on the text, so that what JavaScript does not keep stays as it
 * is: the digits of a number, members of one name, any depth.
 *
 * @param text must be JSON
 */
export function rewriteJson(text: string, rewriter: JsonRewriter): string {
  const written: string[] = [];
  const around: JsonScope[] = [];
  let isName = false;
  let at = 0;
  while (at < text.length) {
    const character = text[at]!;
    const scope = around.at(-1);
    if (' \t\n\r'.includes(character)) {
      at++;
    } else if ('{}[]:,'.includes(character)) {
      if (character === '}' || character === ']') around.pop();
      else if (character === '{' || character === '[') {
        around.push({ isObject: character === '{', depth: around.length + 1 });
      }
      const opensMember = character === '{' || character === ',';
      isName = opensMember && around.at(-1)!.isObject;
      written.push(character);
      at++;
    } else {
      const end = endOfScalar(text, at);
      const given = text.slice(at, end);
      const isKept = isName && !rewriter.name;
      if (isKept) written.push(given);
      else if (isName) written.push(rewriter.name!(given, scope!));
      else written.push(rewriter.scalar(given, scope));
      at = end;
    }
  }
  return written.join('');
}

function endOfScalar(text: string, start: number): number {
  let at = start;
  if (text[start] !== '"') {
    while (at < text.length && !' \t\n\r{}[]:,'.includes(text[at]!)) at++;
    return at;
  }
  do at += text[at] === '\\' ? 2 : 1;
  while (text[at] !== '"');
  return at + 1;
}
