import type { NestProject, ProjectFiles } from './find-project.js';

/** Returns the steps that remain for the user. */
export function remainingSteps(
  { dependencies, testRunner }: NestProject,
  given: {
    readonly files: ProjectFiles;
    readonly config: boolean;
    readonly userAgent: string | undefined;
    readonly isChanged: boolean;
    readonly isSecretNew: boolean;
  },
): string[] {
  const missing = missingPackages(dependencies, given.config);
  const steps =
    missing.length > 0
      ? [`Run ${addCommand(given.files, given.userAgent)} ${missing.join(' ')}`]
      : [];
  if (!given.isChanged) return steps;
  if (given.isSecretNew) {
    steps.push(
      'Replace XENIOO_SECRET in .env with the API Secret of the bot. It is random until then, so that the application starts.',
    );
  }
  if (!given.config) {
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

function missingPackages(
  dependencies: ReadonlyMap<string, string>,
  config: boolean,
): string[] {
  const isNest11 = /^\D*11\b/.test(dependencies.get('@nestjs/core') ?? '');
  const needed = ['nestjs-xenioo', 'class-validator', 'class-transformer'];
  const missing = needed.filter(name => !dependencies.has(name));
  if (config && !dependencies.has('@nestjs/config')) {
    // Later versions are ES modules, which Jest of Nest 11 can't load.
    missing.push(isNest11 ? '@nestjs/config@4' : '@nestjs/config');
  }
  return missing;
}

/** Returns the command of the package manager that adds packages. */
function addCommand(files: ProjectFiles, userAgent = ''): string {
  const found = [
    ['pnpm', 'pnpm-lock.yaml'],
    ['yarn', 'yarn.lock'],
    ['bun', 'bun.lock'],
    ['npm', 'package-lock.json'],
  ].find(([, lock = '']) => files.read(lock) !== undefined);
  const name = found?.[0] ?? /^(?:pnpm|yarn|bun)(?=\/)/.exec(userAgent)?.[0];
  return name === undefined || name === 'npm' ? 'npm install' : `${name} add`;
}
