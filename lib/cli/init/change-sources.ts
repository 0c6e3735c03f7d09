import { dirname, relative } from 'node:path/posix';
import {
  configuredModule,
  HANDLERS_CLASS,
  handlersFile,
  handlersSpec,
  MODULE,
} from './code.js';
import {
  editModule,
  formatNamedImport,
  type ModuleAdditions,
} from './edit-module.js';
import type { NestProject, ProjectFiles } from './find-project.js';
import { InitError } from './init.error.js';
import { restyle, styleOf, type SourceStyle } from './source-style.js';

/** Path of a file, and its new text. */
export type FileText = readonly [path: string, text: string];

/** Code that the application has already. */
interface ExistingCode {
  readonly hasModule: boolean;
  readonly hasHandlers: boolean;
  /** True if a file other than that of the handler names its class. */
  readonly isHandlerProvided: boolean;
  /** True if the file of the handler contains its class. */
  readonly hasHandlerClass: boolean;
  readonly config: { readonly isImported: boolean; readonly isGlobal: boolean };
}

/**
 * Returns the sources with the module and a handler. What exists already stays.
 * @throws {InitError} if the root module can't be changed
 */
export function changeSources(
  files: ProjectFiles,
  project: NestProject,
  config: boolean,
): FileText[] {
  const { moduleFile } = project;
  const handlerFile = `${project.sourceRoot}/xenioo/xenioo.handlers.ts`;
  const existing = findExistingCode(files, project.sourceRoot, handlerFile);
  const text = files.read(moduleFile)!;
  const style = styleOf(text, printWidthOf(files));
  const additions = additionsTo(project, existing, config, style);
  const edited = editModule(text, additions, style);
  if (edited === undefined) {
    throw new InitError(byHand(moduleFile, additions, style));
  }
  const handler = existing.hasHandlers
    ? []
    : handlerFiles(files, project, handlerFile, style);
  return [...handler, [moduleFile, edited]];
}

function handlerFiles(
  files: ProjectFiles,
  { testRunner: runner, dependencies, importEnding }: NestProject,
  handlerFile: string,
  style: SourceStyle,
): FileText[] {
  const isFastify =
    dependencies.has('@nestjs/platform-fastify') &&
    !dependencies.has('@nestjs/platform-express');
  const all: FileText[] = [[handlerFile, handlersFile(style)]];
  if (runner !== undefined) {
    const file = `./xenioo.handlers${importEnding}`;
    const spec = handlersSpec({ runner, isFastify, file }, style);
    all.push([handlerFile.replace(/ts$/, 'spec.ts'), spec]);
  }
  return all.map(([path, text]) => [path, files.read(path) ?? text]);
}

function findExistingCode(
  files: ProjectFiles,
  sourceRoot: string,
  handlerFile: string,
): ExistingCode {
  const sources = files
    .list(sourceRoot)
    .filter(path => /(?<![.-](?:spec|test|d))\.ts$/.test(path))
    .map(path => ({ path, text: files.read(path) ?? '' }));
  const having = (pattern: RegExp) =>
    sources.filter(({ text }) => pattern.test(text));
  const hasHandlers = having(/@OnXenioo\(/).length > 0;
  const handler = files.read(handlerFile);
  const hasHandlerClass = !!handler?.includes(`class ${HANDLERS_CLASS} `);
  if (!hasHandlers && handler !== undefined && !hasHandlerClass) {
    throw new InitError(
      `${handlerFile} exists and has no class ${HANDLERS_CLASS}. Fix: rename the file.`,
    );
  }
  const configured = having(/\bConfigModule\s*\.\s*forRoot/);
  return {
    hasModule: having(/\bXeniooModule\s*\.\s*forRoot/).length > 0,
    hasHandlers,
    isHandlerProvided: sources.some(
      ({ path, text }) => path !== handlerFile && text.includes(HANDLERS_CLASS),
    ),
    hasHandlerClass,
    config: {
      isImported: configured.length > 0,
      isGlobal: configured.some(({ text }) =>
        /\bisGlobal:\s*true\b/.test(text),
      ),
    },
  };
}

function additionsTo(
  { sourceRoot, moduleFile, moduleClass, importEnding }: NestProject,
  existing: ExistingCode,
  config: boolean,
  style: SourceStyle,
): ModuleAdditions {
  const module = config ? configuredModule(existing.config) : MODULE;
  const folder = relative(dirname(moduleFile), sourceRoot) || '.';
  const from = `${folder}/xenioo/xenioo.handlers${importEnding}`;
  const isHandlerAdded =
    !existing.isHandlerProvided &&
    (!existing.hasHandlers || existing.hasHandlerClass);
  return {
    className: moduleClass,
    namedImports: [
      ...(existing.hasModule ? [] : module.namedImports),
      ...(isHandlerAdded ? [{ names: [HANDLERS_CLASS], from }] : []),
    ],
    imports: existing.hasModule
      ? []
      : module.imports.map(element => restyle(element, style)),
    providers: isHandlerAdded ? [HANDLERS_CLASS] : [],
  };
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
