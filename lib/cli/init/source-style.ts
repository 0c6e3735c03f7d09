import { importsOf, parseSource } from './parse-source.js';

/** Formatting of a source file. */
export interface SourceStyle {
  readonly quote: '"' | "'";
  readonly hasSemicolons: boolean;
  readonly hasTrailingCommas: boolean;
  readonly hasSpacesInBraces: boolean;
  readonly indent: string;
  readonly lineEnd: '\n' | '\r\n';
  /** Maximum length of a line. */
  readonly width: number;
}

/** Returns the formatting of a source file, and the defaults of Prettier for what the file does not show. */
export function styleOf(source: string, width = 80): SourceStyle {
  const [first = ''] = importsOf(parseSource(source)).map(({ start, end }) =>
    source.slice(start!, end!),
  );
  return {
    quote: first.includes('"') ? '"' : "'",
    hasSemicolons: first === '' || first.endsWith(';'),
    hasTrailingCommas:
      /,\s*\n\s*[\])}]/.test(source) || !/[^\s,;({[]\s*\n\s*\}\)/.test(source),
    hasSpacesInBraces: !/\{\S/.test(first),
    indent: /^(\t|  +)[^\s*]/m.exec(source)?.[1] ?? '  ',
    lineEnd: source.includes('\r\n') ? '\r\n' : '\n',
    width,
  };
}

/** Converts code from the style of this repository to another one. No text in the code contains quotes or ends with a semicolon. */
export function restyle(code: string, style: SourceStyle): string {
  let styled = code.replaceAll("'", style.quote);
  if (!style.hasSemicolons) styled = styled.replaceAll(/;$/gm, '');
  if (!style.hasTrailingCommas) {
    styled = styled.replaceAll(/,(?=\n *[\])}])/g, '');
  }
  if (!style.hasSpacesInBraces) {
    styled = styled.replaceAll(/\{ (.+?) \}/g, '{$1}');
  }
  return styled
    .replaceAll(/^( {2})+/gm, spaces => style.indent.repeat(spaces.length / 2))
    .replaceAll('\n', style.lineEnd);
}
