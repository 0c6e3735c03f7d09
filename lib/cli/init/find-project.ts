import { dirname, join, normalize } from 'node:path/posix';
import { InitError } from './init.error.js';
import { importsOf, nodesOf, parseSource } from './parse-source.js';

/** Files of a folder, by their paths within it, which have slashes. */
export interface ProjectFiles {
  /** Returns the text of a file; `undefined` if there is none. */
  read(path: string): string | undefined;
  /** Returns the paths of the files below a folder. */
  list(folder: string): readonly string[];
}

/** A Nest application in a folder. */
export interface NestProject {
  readonly sourceRoot: string;
  /** File and class of the root module. */
  readonly moduleFile: string;
  readonly moduleClass: string;
  /** Ending of imported files: `.js` in an ES module. */
  readonly importEnding: '' | '.js' | '.ts';
  /** Version ranges of the packages by their names. */
  readonly dependencies: ReadonlyMap<string, string>;
  readonly testRunner: 'jest' | 'vitest' | undefined;
}

interface CliProject {
  readonly sourceRoot?: string;
  readonly entryFile?: string;
}

interface NestCli extends CliProject {
  readonly projects?: Readonly<Record<string, CliProject>>;
}

interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/**
 * Finds the application, or one of several in a monorepo.
 * @throws {InitError} if there is none
 */
export function findProject(
  files: ProjectFiles,
  chosen: {
    readonly project?: string;
    readonly sourceRoot?: string | undefined;
  },
): NestProject {
  const manifest = (readJson(files, 'package.json') ?? {}) as Manifest;
  const dependencies = new Map(
    Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }),
  );
  const cli = readJson(files, 'nest-cli.json');
  if (cli === undefined && !dependencies.has('@nestjs/core')) {
    throw new InitError(
      'No Nest application in this folder: it has no nest-cli.json and no package.json with @nestjs/core. Fix: run the command in the folder of the application, or create one with npx @nestjs/cli new.',
    );
  }
  const project = chosenProject(cli ?? {}, chosen.project);
  const sourceRoot = normalize(
    chosen.sourceRoot ?? project.sourceRoot ?? 'src',
  ).replace(/\/$/, '');
  const { entryFile = 'main' } = project;
  const entry = `${sourceRoot}/${entryFile}.ts`;
  const main = files.read(entry) ?? '';
  const { moduleClass = 'AppModule', specifier } = findRootModule(main) ?? {};
  const candidates = [
    ...filesOf(specifier, entry),
    join(sourceRoot, 'app.module.ts'),
  ];
  const moduleFile = candidates.find(file => files.read(file) !== undefined);
  if (moduleFile === undefined) {
    throw new InitError(
      `No root module: ${entry} passes none to NestFactory.create(), and there is no ${candidates.at(-1)}. Fix: choose an application with --project, or correct \`sourceRoot\` in nest-cli.json.`,
    );
  }
  return {
    sourceRoot,
    moduleFile,
    moduleClass,
    importEnding: endingOf(`${files.read(moduleFile)}\n${main}`),
    dependencies,
    testRunner: testRunnerOf(dependencies, manifest.scripts?.['test'] ?? ''),
  };
}

function readJson(files: ProjectFiles, path: string): object | undefined {
  const text = files.read(path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw invalid(path, (error as Error).message);
  }
  if (typeof value === 'object' && value !== null) return value;
  throw invalid(path, 'expected an object');
}

function invalid(path: string, problem: string): InitError {
  return new InitError(
    `${path} is invalid: ${problem}. Fix: correct the file.`,
  );
}

function chosenProject(cli: NestCli, name: string | undefined): CliProject {
  if (name === undefined) return cli;
  const project = cli.projects?.[name];
  if (project !== undefined) return project;
  const names = Object.keys(cli.projects ?? {});
  throw new InitError(
    names.length === 0
      ? `--project ${name}: nest-cli.json has no projects. Fix: leave --project out.`
      : `--project ${name}: nest-cli.json has no such project. Fix: choose one of ${names.join(', ')}.`,
  );
}

/** Finds the class that is given to `NestFactory.create()`, and the file it is imported from. */
function findRootModule(
  main: string,
): { moduleClass: string; specifier: string | undefined } | undefined {
  const program = parseSource(main);
  for (const node of nodesOf(program)) {
    if (
      node.type !== 'CallExpression' ||
      node.callee.type !== 'MemberExpression' ||
      node.callee.object.type !== 'Identifier' ||
      node.callee.object.name !== 'NestFactory'
    ) {
      continue;
    }
    const [argument] = node.arguments;
    if (argument?.type !== 'Identifier') continue;
    const moduleClass = argument.name;
    const imported = importsOf(program).find(({ specifiers }) =>
      specifiers.some(({ local }) => local.name === moduleClass),
    );
    return { moduleClass, specifier: imported?.source.value };
  }
  return undefined;
}

/** Returns the files to which a module specifier may refer. */
function filesOf(specifier: string | undefined, importer: string): string[] {
  if (specifier === undefined) return [];
  const path = specifier.startsWith('.')
    ? join(dirname(importer), specifier)
    : specifier;
  const stem = path.replace(/\.[jt]s$/, '');
  return [`${stem}.ts`, `${stem}/index.ts`];
}

function endingOf(sources: string): '' | '.js' | '.ts' {
  const ending = / from ['"]\.[^'"]*?(\.[jt]s)?['"]/.exec(sources)?.[1];
  return (ending ?? '') as '' | '.js' | '.ts';
}

function testRunnerOf(
  dependencies: ReadonlyMap<string, string>,
  script: string,
): 'jest' | 'vitest' | undefined {
  if (!dependencies.has('@nestjs/testing')) return undefined;
  const runners = (['vitest', 'jest'] as const).filter(
    runner => script.includes(runner) || dependencies.has(runner),
  );
  return runners.find(runner => script.includes(runner)) ?? runners[0];
}
