import { access, readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { XeniooEventType } from '../../lib/index.js';
import { XENIOO_EVENT_TABLE } from '../../lib/events/xenioo-event.table.js';

/** Folders of `docs` with generated pages. */
const GENERATED = /^(api|node_modules|\.vitepress)\//;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const readme = await readFile(`${ROOT}README.md`, 'utf8');
const pages = (await readdir(`${ROOT}docs`, { recursive: true }))
  .filter(path => path.endsWith('.md') && !GENERATED.test(path))
  .map(path => `docs/${path}`);

interface Block {
  readonly source: string | undefined;
  readonly language: string;
  readonly code: string;
}

function blocksOf(page: string): Block[] {
  const found = page.matchAll(/(?:<!-- (\S+) -->\n\n)?```(\w+)\n([^]*?)\n```/g);
  return [...found].map(([, source, language, code]) => ({
    source,
    language: language!,
    code: code!,
  }));
}

/** Removes the indentation, so that a block may be nested deeper in its source, and imports the package by its name. */
function lines(text: string): string {
  return text
    .replaceAll(/(?:\.\.\/)+lib(\/\w+)?\/index\.js/g, 'nestjs-xenioo$1')
    .split('\n')
    .map(line => line.trim())
    .join('\n');
}

/** Returns the anchors of the headings of a page that are the same on GitHub and on the site. */
function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replaceAll('`', ''),
  );
  const onGitHub = headings.map(heading =>
    heading.replaceAll(/[^\w\s-]/g, '').replaceAll(' ', '-'),
  );
  return onGitHub.filter(
    (anchor, index) =>
      anchor ===
      headings[index]!.replaceAll(/[^\w]+/g, '-').replaceAll(/^-|-$/g, ''),
  );
}

describe.each(['README.md', ...pages])('%s', page => {
  it('has only code that is in a compiled or executed file', async () => {
    const text = await readFile(`${ROOT}${page}`, 'utf8');
    const code = blocksOf(text).filter(
      ({ language, source }) => language === 'ts' || source,
    );
    expect(code.length).toBeGreaterThan(page === 'README.md' ? 2 : -1);

    for (const { source, code: block } of code) {
      expect(source, block).toBeDefined();
      const file = await readFile(`${ROOT}${source}`, 'utf8');
      expect(lines(file), source).toContain(lines(block));
    }
  });

  it('links to files that exist', async () => {
    const text = await readFile(`${ROOT}${page}`, 'utf8');
    for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      await expect(
        access(new URL(link!, `file://${ROOT}${page}`)),
      ).resolves.toBe(undefined);
    }
  });

  it('links to headings that exist', async () => {
    const text = await readFile(`${ROOT}${page}`, 'utf8');
    for (const [link, path, anchor] of text.matchAll(
      /\]\((?!https?:)([^)#]*)#([^)]+)\)/g,
    )) {
      const target = new URL(path || '', `file://${ROOT}${page}`);
      const headings = anchorsOf(await readFile(target, 'utf8'));
      expect(headings, `${link} in ${page}`).toContain(anchor);
    }
  });
});

describe('the README', () => {
  it('names only scripts of package.json', async () => {
    const { scripts } = JSON.parse(
      await readFile(`${ROOT}package.json`, 'utf8'),
    ) as { scripts: Record<string, string> };
    const named = [
      ...readme.matchAll(/npm (?:run )?(start|test|build\S*?)\b/g),
    ];
    expect(named.length).toBeGreaterThan(0);
    for (const [, name] of named) expect(scripts).toHaveProperty([name!]);
  });
});

const eventsPage = await readFile(`${ROOT}docs/events.md`, 'utf8');

describe('docs/events.md', () => {
  it.each(Object.entries(XENIOO_EVENT_TABLE))(
    'has a row for type %s',
    (type, { eventClass, typeName }) => {
      const row = [
        `${type} \`${XeniooEventType[Number(type)]}\``,
        `\`${eventClass.name}\``,
        `\`${typeName}\``,
      ];
      const cells = eventsPage
        .split('\n')
        .map(line => line.split('|').map(cell => cell.trim()));
      expect(cells.some(([, a, b, c]) => [a, b, c].join() === row.join())).toBe(
        true,
      );
    },
  );
});
