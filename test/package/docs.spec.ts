import { execFile } from 'node:child_process';
import {
  cp,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { GUIDE } from '../../docs/.vitepress/sidebar.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCS = join(ROOT, 'docs');
const SITE = join(DOCS, '.vitepress/dist');

/** A build takes longer than the time-out of other hooks. */
const BUILD_MS = 300_000;

const { exports } = JSON.parse(
  await readFile(`${ROOT}package.json`, 'utf8'),
) as { exports: Record<string, string | { import: { types: string } }> };

/** Entries of the package, each with the file of its types. */
const ENTRIES = Object.entries(exports).flatMap(([path, target]) =>
  typeof target === 'string'
    ? []
    : [[join('nestjs-xenioo', path).replace(/\/$/, ''), target.import.types]],
) as [entry: string, types: string][];

interface Build {
  readonly isBuilt: boolean;
  /** Everything that the build printed. */
  readonly output: string;
}

function run(command: string, ...args: string[]): Promise<Build> {
  return new Promise(resolve => {
    const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined };
    execFile(command, args, { cwd: ROOT, env }, (error, stdout, stderr) => {
      resolve({ isBuilt: !error, output: stdout + stderr });
    });
  });
}

/** Returns the paths of the files in a folder that end with the given text. */
async function filesIn(folder: string, ending: string): Promise<string[]> {
  const paths = await readdir(folder, { recursive: true });
  return paths.filter(path => path.endsWith(ending)).toSorted();
}

describe('the documentation', () => {
  let build: Build;
  beforeAll(async () => {
    build = await run('npm', 'run', '--silent', 'docs:build');
  }, BUILD_MS);

  it('is built without a warning', () => {
    expect(build.output).not.toMatch(/warn|\(!\)|✖|\berror/i);
    expect(build.isBuilt).toBe(true);
  });

  it('has each of its pages once in the sidebar', async () => {
    const generated = /^(api|node_modules|\.vitepress)\//;
    const pages = (await filesIn(DOCS, '.md')).filter(
      path => !generated.test(path) && path !== 'index.md',
    );
    const links = GUIDE.flatMap(({ items }) => items).map(({ link }) =>
      link.slice(1).replace(/(^|\/)$/, '$1index'),
    );

    expect(links.map(link => `${link}.md`).toSorted()).toEqual(pages);
  });

  it('links to headings that exist', async () => {
    const texts = new Map(
      await Promise.all(
        (await filesIn(SITE, '.html')).map(
          async path =>
            [path, await readFile(join(SITE, path), 'utf8')] as const,
        ),
      ),
    );
    const missing = [...texts].flatMap(([page, html]) =>
      [...html.matchAll(/<a [^>]*href="(?!https?:)([^"#]*)#([^"]+)"/g)]
        .map(([, path, id]) => ({
          page,
          target: path ? targetOf(path, page) : page,
          id: decodeURIComponent(id!),
        }))
        .filter(({ target, id }) => !texts.get(target)?.includes(`id="${id}"`)),
    );

    expect(texts.size).toBeGreaterThan(GUIDE.length);
    expect(missing).toEqual([]);
  });

  it('loads nothing from another host', async () => {
    for (const path of await filesIn(SITE, '.html')) {
      const html = await readFile(join(SITE, path), 'utf8');
      expect(html, path).not.toMatch(/<(link|script|img)[^>]+="(https?:)?\/\//);
    }
    for (const path of await filesIn(SITE, '.css')) {
      const css = await readFile(join(SITE, path), 'utf8');
      expect(css, path).not.toMatch(/url\(["']?(https?:)?\/\//);
    }
  });

  it(
    'is not built if a page has a dead link',
    async () => {
      // In the repository, so that its configuration finds VitePress.
      const copy = await mkdtemp(join(DOCS, '.vitepress/dist/copy-'));
      onTestFinished(() => rm(copy, { recursive: true }));
      for (const file of [
        'docs/.vitepress/config.ts',
        'docs/.vitepress/sidebar.ts',
        'docs/api/typedoc-sidebar.json',
        'lib/inspector/page/icon.svg',
      ]) {
        await cp(join(ROOT, file), join(copy, file));
      }
      const docs = join(copy, 'docs');
      await writeFile(join(docs, 'index.md'), '[Dead](no-such-page.md)\n');

      const { isBuilt, output } = await run('npx', 'vitepress', 'build', docs);

      expect(isBuilt).toBe(false);
      expect(output).toContain('dead link ./no-such-page in file index.md');
      expect(output).toContain('1 dead link(s) found');
    },
    BUILD_MS,
  );

  it.each(ENTRIES)(
    'explains each name that %s exports',
    async (entry, types) => {
      const folder = join(DOCS, 'api', entry);
      const pages = (await filesIn(folder, '.md'))
        .map(path => path.split('/'))
        .filter(([, name, ...deeper]) => name !== 'index.md' && !deeper.length)
        .flatMap(([, name]) => name?.replace('.md', '') ?? []);
      const index = await readFile(join(folder, 'index.md'), 'utf8');
      const reexports = [
        ...index.matchAll(/^### (\S+)\n\nRe-exports \[\1\]/gm),
      ].map(([, name]) => name!);

      expect([...pages, ...reexports].toSorted()).toEqual(
        exportedNames(await readFile(join(ROOT, types), 'utf8')),
      );
    },
  );

  it('explains no other entry', async () => {
    const index = await readFile(join(DOCS, 'api/index.md'), 'utf8');
    const entries = [...index.matchAll(/^\| \[(\S+)\]/gm)];

    expect(entries.map(([, name]) => name).toSorted()).toEqual(
      ENTRIES.map(([entry]) => entry).toSorted(),
    );
  });
});

/** Returns the file of the site that a link on a page leads to. */
function targetOf(link: string, page: string): string {
  const path = link.startsWith('/')
    ? link.slice(1)
    : relative('/', normalize(join('/', dirname(page), link)));
  return path.endsWith('.html') ? path : join(path, 'index.html');
}

/** Returns the names that a file of types exports, in order. */
function exportedNames(types: string): string[] {
  return [...types.matchAll(/^export (?:type )?\{([^}]*)\}/gm)]
    .flatMap(([, names]) => names!.split(','))
    .map(name => name.trim().split(' ').at(-1)!)
    .toSorted();
}
