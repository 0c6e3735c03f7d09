import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Every bare import that a file reaches: of the build, its code or its types, or of the sources, what runs of them. */
async function packagesReachedFrom(entry: string): Promise<Set<string>> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const visit = async (file: string): Promise<void> => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = await readFile(file, 'utf8');
    const [, extension] = /((?:\.d)?\.ts|\.js)$/.exec(file)!;
    const running = extension === '.ts' ? withoutTypes(text) : text;
    const imports = running.matchAll(
      /(?:from|import|import\(|require\()\s*['"]([^'"]+)['"]/g,
    );
    for (const [, name] of imports) {
      if (!name!.startsWith('.')) {
        packages.add(name!.replace(/^((?:@[^/]+\/)?[^/]+).*$/, '$1'));
        continue;
      }
      const target = join(dirname(file), name!);
      await visit(target.replace(/\.js$/, extension!));
    }
  };
  await visit(entry);
  return packages;
}

/** A source without the imports that the compiler drops. */
function withoutTypes(source: string): string {
  return source.replaceAll(/^(?:import|export) type [^;]*;/gm, '');
}

/** What the linter says of the library with one more file in it. */
async function lintWith(file: string, code: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'xenioo-lint-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await cp(join(ROOT, 'lib'), join(folder, 'lib'), { recursive: true });
  await cp(join(ROOT, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), code);
  return new Promise(resolve => {
    execFile(
      join(ROOT, 'node_modules/.bin/oxlint'),
      ['lib'],
      { cwd: folder },
      (_error, output) => resolve(output),
    );
  });
}

describe('the main entry', () => {
  it.each(['dist/index.js', 'dist/index.d.ts'])(
    'needs no optional package (%s)',
    async entry => {
      const {
        dependencies = {},
        peerDependencies,
        peerDependenciesMeta = {},
      } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
        dependencies?: Record<string, string>;
        peerDependencies: Record<string, string>;
        peerDependenciesMeta?: Record<string, { optional?: boolean }>;
      };
      const required = [
        ...Object.keys(dependencies),
        ...Object.keys(peerDependencies).filter(
          name => !peerDependenciesMeta[name]?.optional,
        ),
      ];

      const reached = await packagesReachedFrom(join(ROOT, entry));

      const builtin = builtinModules.map(name => `node:${name}`);
      expect(
        [...reached].filter(name => ![...required, ...builtin].includes(name)),
      ).toEqual([]);
      expect(reached).toContain('@nestjs/common');
    },
  );
});

describe('what runs without Nest', () => {
  it.each([
    'dist/cli/main.js',
    'lib/cli/main.ts',
    'lib/testing/xenioo.sender.ts',
    'lib/testing/xenioo-entry.ts',
    'lib/testing/xenioo-conversation.ts',
    'lib/testing/xenioo-traffic.ts',
  ])('reaches nothing of it (%s)', async file => {
    const { dependencies } = JSON.parse(
      await readFile(join(ROOT, 'package.json'), 'utf8'),
    ) as { dependencies: Record<string, string> };

    const reached = await packagesReachedFrom(join(ROOT, file));

    const builtin = builtinModules.map(name => `node:${name}`);
    const own = file.includes('cli/') ? Object.keys(dependencies) : [];
    expect(
      [...reached].filter(name => ![...builtin, ...own].includes(name)),
    ).toEqual([]);
    expect(reached.size).toBeGreaterThan(0);
  });

  it('is found out where it does', async () => {
    const reached = await packagesReachedFrom(
      join(ROOT, 'lib/testing/idle.ts'),
    );

    expect(reached).toContain('@nestjs/common');
  });
});

describe('the linter', () => {
  it('finds every import of the library in order', async () => {
    const output = await lintWith('lib/fine.ts', 'export const fine = 1;\n');

    expect(output).toMatch(/on \d{2,} files/);
    expect(output).not.toMatch(/no-restricted-imports|no-cycle/);
  });

  it.each([
    ['events', '../handlers/subscription.js'],
    ['events', '../inbox/memory.inbox.js'],
    ['events', '../webhook/answer.js'],
    ['handlers', '../inbox/memory.inbox.js'],
    ['handlers', '../webhook/answer.js'],
    ['inbox', '../webhook/answer.js'],
    ['webhook', '../xenioo.module-definition.js'],
    ['webhook', '../lmdb/lmdb-inbox.js'],
    ['inbox', '../testing/inbox-bench.js'],
    ['.', './events/event-id.js'],
    ['.', './xenioo.module.js'],
  ])('refuses an import against the direction: %s → %s', async (folder, to) => {
    const output = await lintWith(
      join('lib', folder, 'wrong.ts'),
      `export * from '${to}';\n`,
    );

    expect(output).toContain('Imports point one way');
  });

  it.each([
    ['lmdb', '../testing/inbox-bench.js'],
    ['testing', '../lmdb/lmdb.inbox.js'],
    ['lmdb', '../xenioo.module.js'],
    ['testing', '../cli/terminal.js'],
  ])('lets a subpath import inward alone: %s → %s', async (folder, to) => {
    const output = await lintWith(
      join('lib', folder, 'wrong.ts'),
      `export * from '${to}';\n`,
    );

    expect(output).toContain('Subpath entries import inward');
  });

  it.each([
    ['handlers', '../cli/terminal.js'],
    ['webhook', '../cli/terminal.js'],
    ['.', './cli/run.js'],
  ])('keeps the command line tool to itself: %s → %s', async (folder, to) => {
    const output = await lintWith(
      join('lib', folder, 'wrong.ts'),
      `export * from '${to}';\n`,
    );

    expect(output).toContain('Imports point one way');
  });

  it.each([
    '../testing/dice.js',
    '../events/xenioo-event-type.js',
    '../webhook/read-body.js',
  ])('lets the command line tool import what needs no Nest: %s', async to => {
    const output = await lintWith(
      'lib/cli/fine.ts',
      `export * from '${to}';\n`,
    );

    expect(output).not.toContain('no-restricted-imports');
  });

  it.each([
    '../handlers/subscription.js',
    '../inbox/memory.inbox.js',
    '../xenioo.module.js',
    '../webhook/xenioo.gate.js',
    '../../inbox/memory.inbox.js',
    '../../webhook/xenioo.gate.js',
    '@nestjs/common',
  ])('keeps the command line tool free of Nest: %s', async to => {
    const output = await lintWith(
      'lib/cli/wrong.ts',
      `export * from '${to}';\n`,
    );

    expect(output).toContain('runs without Nest');
  });

  it('keeps the folders of the command line tool free of Nest', async () => {
    const output = await lintWith(
      'lib/cli/doctor/wrong.ts',
      `export * from '../../handlers/subscription.js';\n`,
    );

    expect(output).toContain('runs without Nest');
  });

  it.each([
    ['events', '../index.js'],
    ['cli', '../testing/index.js'],
    ['inbox', 'nestjs-xenioo'],
  ])('refuses the index from inside: %s → %s', async (folder, to) => {
    const output = await lintWith(
      join('lib', folder, 'wrong.ts'),
      `export * from '${to}';\n`,
    );

    expect(output).toContain('Nobody imports an index from inside');
  });

  it('refuses a cycle', async () => {
    const output = await lintWith(
      'lib/events/event-id.ts',
      `export * from './parse-entry.js';\nexport const eventId = () => '';\n`,
    );

    expect(output).toContain('import(no-cycle)');
  });
});
