import type { ProjectFiles } from '../../lib/cli/init/find-project.js';
import type { InitPlan } from '../../lib/cli/init/plan-init.js';

/** Root module as `nest new` makes it. */
export const APP_MODULE = `import { Module } from '@nestjs/common';
import { AppController } from './app.controller';
import { AppService } from './app.service';

@Module({
  imports: [],
  controllers: [AppController],
  providers: [AppService],
})
export class AppModule {}
`;

const MAIN = `import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module';

async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  await app.listen(process.env.PORT ?? 3000);
}
bootstrap();
`;

/** Files of an application as `nest new` makes them, and these instead; `undefined` removes one. */
export function nestFiles(
  own: Record<string, string | undefined> = {},
  packages: readonly string[] = [],
): Map<string, string> {
  const names = [
    '@nestjs/core',
    '@nestjs/platform-express',
    '@nestjs/testing',
    ...packages,
  ];
  const manifest = {
    scripts: { test: 'jest' },
    dependencies: Object.fromEntries(names.map(name => [name, '*'])),
  };
  const all = {
    'package.json': JSON.stringify(manifest),
    'package-lock.json': '{}',
    'nest-cli.json': '{ "sourceRoot": "src" }',
    '.gitignore': 'node_modules\n.env\n',
    'src/main.ts': MAIN,
    'src/app.module.ts': APP_MODULE,
    ...own,
  };
  return new Map(
    Object.entries(all).filter(
      (file): file is [string, string] => file[1] !== undefined,
    ),
  );
}

/** Reads files from a map. */
export function filesFrom(files: ReadonlyMap<string, string>): ProjectFiles {
  return {
    read: path => files.get(path),
    list: folder =>
      [...files.keys()].filter(path => path.startsWith(`${folder}/`)),
  };
}

/** Returns the files with the changes of a plan. */
export function changed(
  files: ReadonlyMap<string, string>,
  { changes }: InitPlan,
): Map<string, string> {
  return new Map([
    ...files,
    ...changes.map(({ path, after }) => [path, after] as const),
  ]);
}
