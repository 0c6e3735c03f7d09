import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'rolldown/utils';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Fewest words of a message; a placeholder counts as one. */
const FEWEST_WORDS = 3;

/** Most line breaks of a message; what has more is a help text or a script. */
const MOST_LINE_BREAKS = 2;

/** Calls whose arguments are the help texts of the command line. */
const HELP_CALLS =
  /^(Option|Argument|(requiredO|helpO|o)ption|argument|summary|description|version|helpCommand)$/;

/** Texts that are not messages, by their file and by the property or variable that holds them. */
const NOT_MESSAGES: readonly {
  readonly reason: string;
  readonly files: RegExp;
  readonly names?: RegExp;
}[] = [
  {
    reason: 'the doctor prints them below the title of a finding',
    files: /^cli\/doctor\//,
    names:
      /^(why|fix|expected|got|note)$|_(WHY|FIX)$|^(GROUPED|ACCEPT_GROUPS|READ_AS_TEXT)$/,
  },
  {
    reason: 'the doctor and `send` print them after "Fix:"',
    files: /^cli\/outcomes\.ts$/,
    names: /^(FIXES|ANSWER_FIRST|PROXY_OR_APP|TRUSTED_CERTIFICATE)$/,
  },
  {
    reason: 'titles and failures of tests',
    files: /^testing\/inbox-(contract|test-harness)\b/,
  },
  {
    reason: 'texts of simulated people and bots',
    files: /^simulator\/sample-texts\.ts$/,
  },
  {
    reason: 'texts of the page',
    files: /^inspector\/page\//,
  },
  {
    reason: 'statements',
    files: /^postgres\/postgres\.(schema|statements)\.ts$/,
  },
  {
    reason: 'statements',
    files: /^bullmq\/bullmq\.dead-letters\.ts$/,
    names: /^REMOVE_FAILED$/,
  },
  {
    reason: 'descriptions of metrics',
    files: /^opentelemetry\/metrics\.observer\.ts$/,
  },
  {
    reason: 'descriptions in the JSON Schema',
    files: /^events\/events-schema\.ts$/,
  },
  {
    reason: 'code that `init` writes',
    files: /^cli\/init\/code\.ts$/,
  },
  {
    reason: 'descriptions in the OpenAPI document',
    files: /^webhook\/openapi\.decorator\.ts$/,
  },
];

/** Single texts that need no row, by the reason. */
const NEED_NO_ROW: Readonly<Record<string, readonly string[]>> = {
  'values in other messages': [
    '… (…) at …',
    '… (… characters)',
    'an empty list',
    'an empty string',
    'dead letter …',
    'failures of handlers',
    'in a row',
    'invalid entry …',
    'of bot …',
    'on a condition',
  ],
  'progress and results of the command line': [
    '… (cut off; --json prints all of it)',
    '… (Xenioo tolerates … more)',
    '… failed, … left',
    '… of … calls:',
    '… of … requested',
    '… to …',
    '…. Fix: …',
    '…. Press Ctrl-C to stop.',
    'All calls were answered 200 in time.',
    'As Xenioo expects: answered 200 in time.',
    'at full speed',
    'API Secret of the bot in Xenioo',
    'API Secret of the bot in Xenioo; random until you replace it',
    'In Xenioo, set the Events Webhook URL of the bot to https://<your host>/xenioo/webhook.',
    'Nothing was written (--dry-run).',
    'Replace XENIOO_SECRET in .env with the API Secret of the bot. It is random until then, so that the application starts.',
    'Run … …',
    'Start the application, set XENIOO_SECRET in your shell, and send an event: npx nestjs-xenioo send user-message --url http://localhost:3000/xenioo/webhook',
    'The application has everything already; nothing to change.',
    'Calls from stdin',
    'Calls of …',
    'Checking … with events of the channel “…”.',
    'no answer yet',
    'Recorded … calls with … events in ….',
    '… checks, … calls, …',
    'Skipped … checks.',
    'Recording at …. Press Ctrl-C to stop.',
    'Then set the https URL it prints… as the Events Webhook URL of the bot.',
    'To receive calls from Xenioo, run: npx cloudflared tunnel --url …',
  ],
  'help texts': ['See --help for usage.'],
  'text of an event that the doctor sends': [
    'Message … of the doctor of nestjs-xenioo',
  ],
  'the doctor prints them below the title of a finding': [
    'The name of a scheme is case-insensitive, and a proxy may change it.',
    'The Security paragraph of Xenioo’s documentation describes the bare secret; its description of the call adds `Bearer`.',
  ],
  statements: [
    '…; SET LOCAL idle_in_transaction_session_timeout = …',
    '… -c default_transaction_isolation=read\\ committed -c jit=off',
  ],
  headers: [
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  ],
  'never printed': ['denied by a guard', 'no gzip header'],
};

interface Text {
  readonly text: string;
  readonly place: string;
  readonly isMessage: boolean;
}

interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value;
}

/** Returns the name or the text of a node; of `a.b` the last name. */
function nameOf(node: unknown): string {
  if (!isNode(node)) return '';
  if (node.type === 'MemberExpression') return nameOf(node['property']);
  const name = node['name'] ?? node['value'];
  return typeof name === 'string' ? name : '';
}

/** Returns the text of a literal, a template or a concatenation, with … for values. */
function textOf(node: SyntaxNode): string | undefined {
  if (node.type === 'Literal') {
    return typeof node['value'] === 'string' ? node['value'] : undefined;
  }
  if (node.type === 'TemplateLiteral') {
    const parts = node['quasis'] as { value: { cooked: string } }[];
    const values = node['expressions'] as SyntaxNode[];
    return parts
      .flatMap(({ value }, index) => [value.cooked, valueOf(values[index])])
      .join('');
  }
  if (node.type === 'BinaryExpression' && node['operator'] === '+') {
    const sides = [node['left'], node['right']].map(
      side => textOf(side as SyntaxNode) ?? '…',
    );
    return sides.join('');
  }
  return undefined;
}

/** Returns … for a value in a template: `… events` for `plural(count, 'event')`. */
function valueOf(value: SyntaxNode | undefined): string {
  if (value === undefined) return '';
  if (nameOf(value['callee']) !== 'plural') return '…';
  const [, noun] = value['arguments'] as SyntaxNode[];
  return `… ${nameOf(noun)}s`;
}

/** Returns a text on one line, with one … for values that touch. */
function normalize(text: string): string {
  return text.replaceAll(/…+/g, '…').replaceAll(/\s+/g, ' ').trim();
}

function countWords(text: string): number {
  return text.split(/\s+/).filter(word => /[\p{L}…]/u.test(word)).length;
}

/** Place of a node in its file. */
interface Context {
  /** Property or variable that holds the node. */
  readonly name: string;
  readonly isHelp: boolean;
  /** True if the node is an operand of a concatenation, which is one text. */
  readonly isOperand: boolean;
}

/** Returns all texts of a file of lib. */
function textsOf(file: string, source: string): Text[] {
  const { program, errors } = parseSync(file, source);
  expect(errors, file).toEqual([]);
  const found: Text[] = [];

  const visit = (value: unknown, context: Context): void => {
    if (Array.isArray(value)) {
      for (const each of value) visit(each, context);
      return;
    }
    if (!isNode(value) || value.type === 'TSLiteralType') return;
    const text = textOf(value);
    if (text !== undefined && !context.isOperand) {
      const line = source.slice(0, value.start).split('\n').length;
      found.push({
        text: normalize(text),
        place: `lib/${file}:${line}`,
        isMessage: isMessage(text, file, context),
      });
    }
    const isHelpCall =
      /^(Call|New)Expression$/.test(value.type) &&
      file.startsWith('cli/') &&
      HELP_CALLS.test(nameOf(value['callee']));
    const name =
      nameOf(value.type === 'Property' && value['key']) ||
      nameOf(value.type === 'VariableDeclarator' && value['id']) ||
      context.name;
    for (const [key, child] of Object.entries(value)) {
      visit(child, {
        name,
        isHelp: context.isHelp || (isHelpCall && key === 'arguments'),
        isOperand: text !== undefined && /^(left|right)$/.test(key),
      });
    }
  };
  visit(program.body, { name: '', isHelp: false, isOperand: false });
  return found;
}

function isMessage(
  text: string,
  file: string,
  { name, isHelp }: Context,
): boolean {
  return (
    !isHelp &&
    /[a-z]/.test(text) &&
    countWords(text) >= FEWEST_WORDS &&
    text.split('\n').length - 1 <= MOST_LINE_BREAKS &&
    !NOT_MESSAGES.some(
      ({ files, names = /(?:)/ }) => files.test(file) && names.test(name),
    )
  );
}

/** Returns the cells of the rows of all tables of a page. */
function rowsOf(page: string): string[][] {
  return page
    .split('\n')
    .filter(line => line.startsWith('|') && !/^\| *(-|Message)/.test(line))
    .map(line =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map(cell => cell.trim()),
    );
}

/** Returns the texts in the first cell of a row. */
function textsOfRow([cell = '']: readonly string[]): string[] {
  const spans = cell.matchAll(/(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)/g);
  return [...spans].map(([, , text]) =>
    normalize(text!.replaceAll('\\|', '|')),
  );
}

/** Returns a text as the first cell of a row. */
function cellOf(text: string): string {
  const code = text.replaceAll('|', '\\|');
  if (!code.includes('`')) return `\`${code}\``;
  return /^`|`$/.test(code) ? `\`\` ${code} \`\`` : `\`\`${code}\`\``;
}

const files = (await readdir(`${ROOT}lib`, { recursive: true }))
  .filter(file => file.endsWith('.ts'))
  .toSorted();
const texts: Text[] = [];
for (const file of files) {
  texts.push(...textsOf(file, await readFile(`${ROOT}lib/${file}`, 'utf8')));
}
const messages = texts.filter(each => each.isMessage);
const rows = rowsOf(await readFile(`${ROOT}docs/troubleshooting.md`, 'utf8'));
const shown = rows.flatMap(textsOfRow);
const withoutRow = Object.values(NEED_NO_ROW).flat();

describe('docs/troubleshooting.md', () => {
  it('has a row for every message of lib', () => {
    const missing = new Map(
      messages
        .filter(({ text }) => ![...shown, ...withoutRow].includes(text))
        .map(({ text, place }) => [`| ${cellOf(text)} | CAUSE | FIX |`, place]),
    );

    expect(
      [...missing].map(([row, place]) => `${row} (${place})`).join('\n'),
      'add these rows, with a cause and a fix, or change the old text of a row',
    ).toBe('');
  });

  it('has no row for a text that lib does not contain', () => {
    const known = new Set(texts.map(({ text }) => text));

    expect(
      shown.filter(text => !known.has(text)).join('\n'),
      'change these texts in the first cells to those of lib, or remove the rows',
    ).toBe('');
  });

  it('has a message, a cause and a fix in every row', () => {
    expect(
      rows.filter(
        row =>
          row.length !== 3 ||
          textsOfRow(row).length === 0 ||
          row.some(cell => /^(CAUSE|FIX)?$/.test(cell)),
      ),
    ).toEqual([]);
  });
});

describe('the texts that need no row', () => {
  it('are messages of lib', () => {
    expect(
      withoutRow.filter(text => !messages.some(each => each.text === text)),
    ).toEqual([]);
  });
});

describe('the search for messages', () => {
  const messagesIn = (file: string, source: string) =>
    textsOf(file, source)
      .filter(each => each.isMessage)
      .map(({ text }) => text);

  it('finds literals, templates, concatenations and what they contain', () => {
    const source = [
      "type T = 'a text of a type';",
      "logger.warn('the first of them');",
      "throw new Error(`${a}${b} failed ${c ? 'for the second time' : ''}`);",
      "const text = 'the third ' + (d ? 'with some words' : '') + ' of them';",
      "const name = 'two words';",
      "logger.log(`Removed ${plural(e, 'dead letter')} of ${f}`);",
    ];

    expect(messagesIn('x.ts', source.join('\n'))).toEqual([
      'the first of them',
      '… failed …',
      'for the second time',
      'the third … of them',
      'with some words',
      'Removed … dead letters of …',
    ]);
  });

  it('ignores the help texts of the command line, and only those', () => {
    const source =
      "new Option('--x', 'sets the first x'); fail('no x was given')";

    expect(messagesIn('cli/x.ts', source)).toEqual(['no x was given']);
    expect(messagesIn('inbox/x.ts', source)).toHaveLength(2);
  });
});
