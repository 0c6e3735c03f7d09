import { changeSources, type FileText } from './change-sources.js';
import { addSecret, createSecret, ignoreEnv } from './env-files.js';
import { findProject, type ProjectFiles } from './find-project.js';
import { remainingSteps } from './remaining-steps.js';

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

/**
 * Plans to add the module, a handler with its spec, and the secret to an application.
 * @throws {InitError} if there is no application, or its module can't be changed
 */
export function planInit(files: ProjectFiles, options: InitOptions): InitPlan {
  const project = findProject(files, options);
  const secret = createSecret();
  const texts: FileText[] = [
    ...changeSources(files, project, options.config),
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
    steps: remainingSteps(project, {
      files,
      config: options.config,
      userAgent: options.userAgent,
      isSecretNew: changes.some(({ path }) => path === '.env'),
      isChanged: changes.length > 0,
    }),
  };
}
