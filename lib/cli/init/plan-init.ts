import { dirname, relative } from 'node:path/posix';
import {
  configuredModule,
  HANDLERS,
  HANDLERS_CLASS,
  handlersSpec,
  MODULE,
} from './code.js';
import {
  editModule,
  formatNamedImport,
  type ModuleAdditions,
} from './edit-module.js';
import { addSecret, createSecret, ignoreEnv } from './env-files.js';
import {
  findProject,
  type NestProject,
  type ProjectFiles,
} from './find-project.js';
import { InitError } from './init.error.js';
import { restyle, styleOf, type SourceStyle } from './source-style.js';

/** Options of `planInit()`. */
export interface InitOptions {
  /** Application of a monorepo. @default that of nest-cli.json */
  readonly project?: string;
  /** Folder of the sources. @default that of nest-cli.json */
  readonly sourceRoot?: string | undefined;
  /** Reads the secret through `@nestjs/config`, which loads `.env`. */
  readonly config: boolean;
  /** `npm_config_user_agent`: the package manager that runs the command. */
  readonly userAgent?: string | undefined;
}

/** File to create or to change. */
export interface FileChange {
  readonly path: string;
  /** Text before; `undefined` if there is no file. */
  readonly before: string | undefined;
  readonly after: string;
}

/** Changes of an application. */
export interface InitPlan {
  /** In the order in which they are to be written. */
  readonly changes: readonly FileChange[];
  /** Secret within the changes, which is not to be printed. */
  readonly secret: string;
  /** Steps that remain for the user. */
  readonly steps: readonly string[];
}

type FileText = readonly [path: string, text: string];

/**
 * Plans to add the module, a handler with its spec, and the secret to an application.
 * @throws {InitError} if there is no application, or its module can't be changed
 */
export function planInit(files: ProjectFiles, options: InitOptions): InitPlan {
  const project = findProject(files, options);
  const secret = createSecret();
  const texts: FileText[] = [
    ...changedSources(files, project, options),
    [
      '.env',
      addSecret(
        files.read('.env'),
        'API Secret of the bot in Xenioo; random until you replace it',
        secret,
      ),
    ],
    [
      '.env.example',
      addSecret(
        files.read('.env.example'),
        'API Secret of the bot in Xenioo',
        '',
      ),
    ],
    ['.gitignore', ignoreEnv(files.read('.gitignore'))],
  ];
  const changes = texts
    .map(([path, after]) => ({ path, before: files.read(path), after }))
    .filter(({ before, after }) => before !== after);
  return {
    changes,
    secret,
    steps: remainingSteps(files, project, options, changes),
  };
}

function changedSources(
  files: ProjectFiles,
  project: NestProject,
  options: InitOptions,
): FileText[] {
  const { sourceRoot, moduleFile, moduleClass, importEnding } = project;
  const handlersFile = `${sourceRoot}/xenioo/xenioo.handlers.ts`;
  const sources = files
    .list(sourceRoot)
    .filter(path => /(?<!\.(?:spec|test|d))\.ts$/.test(path))
    .map(path => ({ path, text: files.read(path) ?? '' }));
  const isAnywhere = (pattern: RegExp) =>
    sources.some(({ text }) => pattern.test(text));
  const hasHandlers = isAnywhere(/@OnXenioo\(/);
  const hasModule = isAnywhere(/\bXeniooModule\s*\.\s*forRoot/);
  const isProvided = sources.some(
    ({ path, text }) => path !== handlersFile && text.includes(HANDLERS_CLASS),
  );
  const existing = files.read(handlersFile);
  const isExisting = existing?.includes(`class ${HANDLERS_CLASS} `) ?? false;
  if (!hasHandlers && existing !== undefined && !isExisting) {
    throw new InitError(
      `${handlersFile} exists and has no class ${HANDLERS_CLASS}. Fix: rename the file.`,
    );
  }

  const moduleText = files.read(moduleFile)!;
  const style = styleOf(moduleText, printWidthOf(files));
  const specifier = `./xenioo.handlers${importEnding}`;
  const handlers: FileText[] = hasHandlers
    ? []
    : [[handlersFile, existing ?? restyle(HANDLERS, style)]];
  const specFile = handlersFile.replace(/ts$/, 'spec.ts');
  const { testRunner: runner, dependencies } = project;
  if (!hasHandlers && runner && files.read(specFile) === undefined) {
    const isFastify =
      dependencies.has('@nestjs/platform-fastify') &&
      !dependencies.has('@nestjs/platform-express');
    const spec = handlersSpec({ runner, isFastify, file: specifier });
    handlers.push([specFile, restyle(spec, style)]);
  }

  const module = options.config
    ? configuredModule(configUse(sources.map(({ text }) => text)))
    : MODULE;
  const isToProvide = !isProvided && (!hasHandlers || isExisting);
  const folder = relative(dirname(moduleFile), sourceRoot) || '.';
  const additions: ModuleAdditions = {
    className: moduleClass,
    namedImports: [
      ...(hasModule ? [] : module.namedImports),
      ...(isToProvide
        ? [
            {
              names: [HANDLERS_CLASS],
              from: `${folder}/xenioo/xenioo.handlers${importEnding}`,
            },
          ]
        : []),
    ],
    imports: hasModule ? [] : module.imports.map(each => restyle(each, style)),
    providers: isToProvide ? [HANDLERS_CLASS] : [],
  };
  const edited = editModule(moduleText, additions, style);
  if (edited === undefined) {
    throw new InitError(byHand(moduleFile, additions, style));
  }
  return [...handlers, [moduleFile, edited]];
}

/** Returns how the application uses `ConfigModule`. */
function configUse(sources: readonly string[]) {
  const callers = sources.filter(text =>
    /\bConfigModule\s*\.\s*forRoot/.test(text),
  );
  return {
    isImported: callers.length > 0,
    isGlobal:
      callers.length === 0 ||
      callers.some(text => /\bisGlobal\s*:\s*true\b/.test(text)),
  };
}

/** Returns the command of the package manager that adds packages. */
function addCommand(
  files: ProjectFiles,
  { userAgent = '' }: InitOptions,
): string {
  const found = [
    ['pnpm', 'pnpm-lock.yaml'],
    ['yarn', 'yarn.lock'],
    ['bun', 'bun.lock'],
    ['npm', 'package-lock.json'],
  ].find(([, lock = '']) => files.read(lock) !== undefined);
  const name = found?.[0] ?? /^(?:pnpm|yarn|bun)(?=\/)/.exec(userAgent)?.[0];
  return name === undefined || name === 'npm' ? 'npm install' : `${name} add`;
}

function printWidthOf(files: ProjectFiles): number | undefined {
  for (const path of ['.prettierrc', '.prettierrc.json', 'package.json']) {
    const width = /printWidth["']?\s*:\s*(\d+)/.exec(files.read(path) ?? '');
    if (width) return Number(width[1]);
  }
  return undefined;
}

function byHand(
  moduleFile: string,
  { className, namedImports, imports, providers }: ModuleAdditions,
  style: SourceStyle,
): string {
  const lines = [
    ...namedImports.map(named => formatNamedImport(named, style)),
    ...(imports.length > 0 ? ['', '// in imports:'] : []),
    ...imports.map(each => `${each},`),
    ...(providers.length > 0 ? ['', '// in providers:'] : []),
    ...providers.map(each => `${each},`),
  ];
  return `${moduleFile} can't be changed: expected a class ${className} with @Module({ imports: […], providers: […] }). Nothing was changed. Fix: add this yourself, then run the command again:\n\n${lines.join('\n')}`;
}

function remainingSteps(
  files: ProjectFiles,
  { dependencies, testRunner }: NestProject,
  options: InitOptions,
  changes: readonly FileChange[],
): string[] {
  const missing = [
    'nestjs-xenioo',
    'class-validator',
    'class-transformer',
    ...(options.config ? ['@nestjs/config'] : []),
  ]
    .filter(name => !dependencies.has(name))
    // Jest of Nest 11 can't load a later one, which is an ES module.
    .map(name =>
      name === '@nestjs/config' &&
      /^\D*11\b/.test(dependencies.get('@nestjs/core') ?? '')
        ? `${name}@4`
        : name,
    );
  const steps =
    missing.length > 0
      ? [`Run ${addCommand(files, options)} ${missing.join(' ')}`]
      : [];
  if (changes.length === 0) return steps;
  if (changes.some(({ path }) => path === '.env')) {
    steps.push(
      'Replace XENIOO_SECRET in .env with the API Secret of the bot. It is random until then, so that the application starts.',
    );
  }
  if (!options.config) {
    steps.push(
      'Load .env at start, as nest start --env-file .env does. Nothing else loads it.',
    );
  }
  if (!testRunner) {
    steps.push(
      'Write a test. No spec was added, since it needs @nestjs/testing and Jest or Vitest.',
    );
  }
  return [
    ...steps,
    'Start the application, set XENIOO_SECRET in your shell, and send an event: npx nestjs-xenioo send user-message --url http://localhost:3000/xenioo/webhook',
    'In Xenioo, set the Events Webhook URL of the bot to https://<your host>/xenioo/webhook.',
  ];
}
