import { execFile } from 'node:child_process';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Returns the packages that a file imports, directly or through other files. Ignores type imports of source files. */
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

/** Returns a source without the imports that the compiler removes. */
function withoutTypes(source: string): string {
  return source.replaceAll(/^(?:import|export) type [^;]*;/gm, '');
}

const ONE_WAY = 'Imports go one way';
const NO_INDEX = 'Nobody imports an index from inside';
const NO_NEST_IN_CLI = 'The command line runs without Nest';
const NO_NEST_IN_SIMULATOR = 'The simulator runs without Nest';
const MESSAGES = [ONE_WAY, NO_INDEX, NO_NEST_IN_CLI, NO_NEST_IN_SIMULATOR];

/** Imports of a file of lib, with the message of the linter; `undefined` for an allowed import. */
const IMPORTS: readonly (readonly [
  file: string,
  imported: string,
  message: string | undefined,
])[] = [
  ['options/x.ts', '../xenioo.errors.js', undefined],
  ['options/x.ts', '../events/x.js', ONE_WAY],
  ['events/x.ts', '../options/x.js', undefined],
  ['events/x.ts', '../handlers/x.js', ONE_WAY],
  ['events/x.ts', '../memory/x.js', ONE_WAY],
  ['events/x.ts', '../index.js', NO_INDEX],
  ['handlers/x.ts', '../events/x.js', undefined],
  ['handlers/x.ts', '../inbox/x.js', ONE_WAY],
  ['handlers/x.ts', '../xenioo.module.js', ONE_WAY],
  ['inbox/x.ts', '../handlers/x.js', undefined],
  ['inbox/x.ts', '../webhook/x.js', ONE_WAY],
  ['inbox/x.ts', '../memory/x.js', ONE_WAY],
  ['inbox/x.ts', '../testing/x.js', ONE_WAY],
  ['inbox/x.ts', 'nestjs-xenioo', NO_INDEX],
  ['memory/x.ts', '../inbox/x.js', undefined],
  ['memory/x.ts', '../webhook/x.js', ONE_WAY],
  ['lmdb/x.ts', '../inbox/x.js', undefined],
  ['lmdb/x.ts', '../bullmq/x.js', ONE_WAY],
  ['bullmq/x.ts', '../inbox/x.js', undefined],
  ['postgres/x.ts', '../inbox/x.js', undefined],
  ['postgres/x.ts', '../lmdb/x.js', ONE_WAY],
  ['bullmq/x.ts', '../xenioo.module.js', ONE_WAY],
  ['webhook/x.ts', '../inbox/x.js', undefined],
  ['webhook/x.ts', '../lmdb/x.js', ONE_WAY],
  ['webhook/x.ts', '../cli/x.js', ONE_WAY],
  ['simulator/x.ts', '../events/x.js', undefined],
  ['simulator/x.ts', '../handlers/x.js', ONE_WAY],
  ['simulator/x.ts', '@nestjs/common', NO_NEST_IN_SIMULATOR],
  ['terminus/x.ts', '../inbox/x.js', undefined],
  ['terminus/x.ts', '../lmdb/x.js', ONE_WAY],
  ['opentelemetry/x.ts', '../xenioo.module.js', ONE_WAY],
  ['inspector/x.ts', '../webhook/x.js', undefined],
  ['inspector/x.ts', '../cli/x.js', ONE_WAY],
  ['inbox/x.ts', '../terminus/x.js', ONE_WAY],
  ['testing/x.ts', '../simulator/x.js', undefined],
  ['testing/x.ts', '../cli/x.js', ONE_WAY],
  ['cli/x.ts', '../simulator/x.js', undefined],
  ['cli/x.ts', '../testing/x.js', ONE_WAY],
  ['cli/x.ts', '../postgres/postgres.schema.js', undefined],
  ['cli/x.ts', '../postgres/postgres.inbox.js', ONE_WAY],
  ['cli/doctor/x.ts', '../../handlers/x.js', ONE_WAY],
  ['cli/doctor/x.ts', '../../webhook/x.js', ONE_WAY],
  ['cli/x.ts', '@nestjs/common', NO_NEST_IN_CLI],
  ['cli/x.ts', '../testing/index.js', NO_INDEX],
  ['xenioo.module-definition.ts', './memory/x.js', undefined],
  ['xenioo.module-definition.ts', './xenioo.module.js', ONE_WAY],
  ['xenioo.module.ts', './webhook/x.js', undefined],
  ['xenioo.module.ts', './lmdb/x.js', ONE_WAY],
];

interface Diagnostic {
  readonly code: string;
  readonly help?: string;
  readonly filename: string;
  readonly labels: readonly { readonly span: { readonly line: number } }[];
}

/** Lints files in a temporary folder with the rules of the project. */
async function lint(
  files: ReadonlyMap<string, readonly string[]>,
): Promise<Diagnostic[]> {
  const folder = await mkdtemp(join(tmpdir(), 'xenioo-lint-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const config = await readFile(join(ROOT, '.oxlintrc.json'), 'utf8');
  // No type-aware rules: the fixtures import files that do not exist.
  const withoutTypes = { ...(JSON.parse(config) as object), options: {} };
  await writeFile(join(folder, '.oxlintrc.json'), JSON.stringify(withoutTypes));
  for (const [file, code] of files) {
    const path = join(folder, 'lib', file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, code.join('\n'));
  }
  const output = await new Promise<string>(resolve => {
    execFile(
      join(ROOT, 'node_modules/.bin/oxlint'),
      ['--format', 'json', 'lib'],
      { cwd: folder },
      (_error, stdout) => resolve(stdout),
    );
  });
  return (JSON.parse(output) as { diagnostics: Diagnostic[] }).diagnostics;
}

describe('the main entry', () => {
  it.each(['dist/index.js', 'dist/index.d.ts'])(
    'imports no optional package (%s)',
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

/** Packages that the build puts into the command line. */
const BUNDLED = ['@babel/parser', 'cli-progress', 'commander'];

describe('a module that must run without Nest', () => {
  it.each([
    'lib/cli/main.ts',
    'lib/simulator/xenioo.sender.ts',
    'lib/simulator/xenioo-entry.ts',
    'lib/simulator/xenioo-conversation.ts',
    'lib/simulator/xenioo-traffic.ts',
  ])('imports no package of Nest (%s)', async file => {
    const reached = await packagesReachedFrom(join(ROOT, file));

    const builtin = builtinModules.map(name => `node:${name}`);
    const own = file.includes('cli/') ? BUNDLED : [];
    expect(
      [...reached].filter(name => ![...builtin, ...own].includes(name)),
    ).toEqual([]);
    expect(reached.size).toBeGreaterThan(0);
  });

  it('would fail this test with an import of Nest (lib/testing/idle.ts)', async () => {
    const reached = await packagesReachedFrom(
      join(ROOT, 'lib/testing/idle.ts'),
    );

    expect(reached).toContain('@nestjs/common');
  });
});

describe('the linter', () => {
  it('allows and rejects imports by the folder of the file', async () => {
    const files = new Map<string, string[]>();
    for (const [file, imported] of IMPORTS) {
      const code = `export * from '${imported}';`;
      files.set(file, [...(files.get(file) ?? []), code]);
    }

    const diagnostics = await lint(files);

    const found = IMPORTS.map(([file, imported]) => {
      const code = `export * from '${imported}';`;
      const line = files.get(file)!.indexOf(code) + 1;
      const help = diagnostics.find(
        each =>
          each.code.includes('no-restricted-imports') &&
          each.filename === `lib/${file}` &&
          each.labels[0]!.span.line === line,
      )?.help;
      return [file, imported, MESSAGES.find(text => help?.includes(text))];
    });
    expect(found).toEqual(IMPORTS);
  });

  it('has a rule for the imports of every folder of lib', async () => {
    const { overrides } = JSON.parse(
      await readFile(join(ROOT, '.oxlintrc.json'), 'utf8'),
    ) as { overrides: { files: string[]; rules: object }[] };
    const filesWithRule = overrides
      .filter(({ rules }) => 'no-restricted-imports' in rules)
      .flatMap(({ files }) => files);

    const entries = await readdir(join(ROOT, 'lib'), { withFileTypes: true });

    expect(filesWithRule).toEqual(
      expect.arrayContaining(
        entries
          .filter(entry => entry.isDirectory())
          .map(({ name }) => `lib/${name}/**`),
      ),
    );
  });

  it('rejects a cycle of type imports', async () => {
    const diagnostics = await lint(
      new Map([
        [
          'events/one.ts',
          ["export type { Two } from './two.js';", 'export type One = 1;'],
        ],
        [
          'events/two.ts',
          ["export type { One } from './one.js';", 'export type Two = 2;'],
        ],
      ]),
    );

    expect(diagnostics.map(({ code }) => code)).toContain('import(no-cycle)');
  });
});
