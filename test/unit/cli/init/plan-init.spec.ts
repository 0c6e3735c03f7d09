import { describe, expect, it } from 'vitest';
import { InitError } from '../../../../lib/cli/init/init.error.js';
import {
  planInit,
  type InitOptions,
} from '../../../../lib/cli/init/plan-init.js';
import {
  APP_MODULE,
  changed,
  filesFrom,
  nestFiles,
} from '../../../support/nest-files.js';

function plan(
  files: ReadonlyMap<string, string>,
  options: Partial<InitOptions> = {},
) {
  return planInit(filesFrom(files), { config: true, ...options });
}

/** Returns the files after the changes. */
function init(
  files: ReadonlyMap<string, string>,
  options: Partial<InitOptions> = {},
) {
  return changed(files, plan(files, options));
}

function errorOf(
  files: ReadonlyMap<string, string>,
  options: Partial<InitOptions> = {},
): string {
  try {
    plan(files, options);
  } catch (error) {
    if (error instanceof InitError) return error.message;
    throw error;
  }
  return 'no error';
}

describe('planInit()', () => {
  it('adds the module, a handler with a spec, and the secret', () => {
    const { changes } = plan(nestFiles({ '.gitignore': undefined }));

    expect(changes.map(({ path }) => path)).toEqual([
      'src/xenioo/xenioo.handlers.ts',
      'src/xenioo/xenioo.handlers.spec.ts',
      'src/app.module.ts',
      '.env',
      '.env.example',
      '.gitignore',
    ]);
  });

  it('reads the secret through @nestjs/config', () => {
    expect(init(nestFiles()).get('src/app.module.ts')).toBe(
      `import { Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { XeniooModule } from 'nestjs-xenioo';
import { AppController } from './app.controller';
import { AppService } from './app.service';
import { XeniooHandlers } from './xenioo/xenioo.handlers';

@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true }),
    XeniooModule.forRootAsync({
      inject: [ConfigService],
      useFactory: (config: ConfigService) => ({
        secret: config.get<string>('XENIOO_SECRET'),
      }),
    }),
  ],
  controllers: [AppController],
  providers: [AppService, XeniooHandlers],
})
export class AppModule {}
`,
    );
  });

  it('uses the ConfigModule that the application has', () => {
    const withConfig = (options: string) =>
      init(
        nestFiles({
          'src/app.module.ts': `import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';

@Module({
  imports: [ConfigModule.forRoot(${options})],
})
export class AppModule {}
`,
        }),
      ).get('src/app.module.ts');

    expect(withConfig('')).toContain(
      `    ConfigModule.forRoot(),
    XeniooModule.forRootAsync({
      imports: [ConfigModule],
      inject: [ConfigService],`,
    );
    expect(withConfig('{ isGlobal: true }')).toContain(
      `    ConfigModule.forRoot({ isGlobal: true }),
    XeniooModule.forRootAsync({
      inject: [ConfigService],`,
    );
  });

  it('reads the environment without @nestjs/config', () => {
    const files = nestFiles();

    expect(init(files, { config: false }).get('src/app.module.ts')).toContain(
      '  imports: [XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET })],',
    );
    const steps = plan(files, { config: false }).steps.join('\n');
    expect(steps).not.toContain('@nestjs/config');
    expect(steps).toContain('nest start --env-file .env');
  });

  it('changes nothing the second time', () => {
    const once = init(nestFiles());

    expect(plan(once).changes).toEqual([]);
    expect(init(once)).toEqual(once);
  });

  it('adds only what is missing', () => {
    const all = init(nestFiles());
    const without = (path: string, text?: string) => {
      const files = new Map(all);
      if (text === undefined) files.delete(path);
      else files.set(path, text);
      return files;
    };
    const pathsOf = (files: ReadonlyMap<string, string>) =>
      plan(files).changes.map(({ path }) => path);

    expect(pathsOf(without('.env.example'))).toEqual(['.env.example']);
    expect(init(without('src/app.module.ts', APP_MODULE))).toEqual(all);
    expect(
      pathsOf(
        without(
          'src/xenioo/xenioo.handlers.ts',
          'export class Moved { @OnXenioo() on() {} }',
        ),
      ),
    ).toEqual([]);
  });

  it('keeps a module and handlers that the user wrote elsewhere', () => {
    const files = nestFiles({
      'src/chat/chat.module.ts':
        '@Module({ imports: [XeniooModule.forRoot(options)] }) export class ChatModule {}',
      'src/chat/chat.ts': 'class Chat { @OnXenioo() on() {} }',
    });

    expect(plan(files).changes.map(({ path }) => path)).toEqual([
      '.env',
      '.env.example',
    ]);
  });

  it('does not provide a handler that its file does not contain', () => {
    const files = nestFiles({
      'src/xenioo/xenioo.handlers.ts': 'class Chat { @OnXenioo() on() {} }',
    });

    expect(init(files, { config: false }).get('src/app.module.ts')).toBe(
      APP_MODULE.replace(
        'imports: []',
        'imports: [XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET })]',
      ).replace(
        "'@nestjs/common';\n",
        "'@nestjs/common';\nimport { XeniooModule } from 'nestjs-xenioo';\n",
      ),
    );
  });

  it('writes in the style of the root module', () => {
    const style = (text: string) =>
      text
        .replaceAll("'", '"')
        .replaceAll(/;$/gm, '')
        .replaceAll('  ', '\t')
        .replaceAll('\n', '\r\n');
    const files = init(nestFiles({ 'src/app.module.ts': style(APP_MODULE) }));

    for (const path of [
      'src/app.module.ts',
      'src/xenioo/xenioo.handlers.ts',
      'src/xenioo/xenioo.handlers.spec.ts',
    ]) {
      expect(files.get(path)).not.toMatch(/(?<!\r)\n|;\r|^ +|'/m);
    }
  });

  it('follows printWidth of Prettier', () => {
    const files = init(
      nestFiles({
        '.prettierrc': '{ "printWidth": 120 }',
        'src/app.module.ts': APP_MODULE.replace(
          'imports: []',
          'imports: [TypeOrmModule.forRoot()]',
        ),
      }),
      { config: false },
    );

    expect(files.get('src/app.module.ts')).toContain(
      'imports: [TypeOrmModule.forRoot(), XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET })],',
    );
  });

  it('accepts a sourceRoot that is written in another way', () => {
    const files = nestFiles({ 'nest-cli.json': '{ "sourceRoot": "./src/" }' });

    expect(init(files).get('src/xenioo/xenioo.handlers.ts')).toBeDefined();
    expect(plan(init(files)).changes).toEqual([]);
  });

  it('imports files of an ES module with their ending', () => {
    const files = init(
      nestFiles({
        'src/app.module.ts': APP_MODULE.replaceAll(/(\.\/[^']+)/g, '$1.js'),
      }),
    );

    expect(files.get('src/app.module.ts')).toContain(
      "from './xenioo/xenioo.handlers.js';",
    );
    expect(files.get('src/xenioo/xenioo.handlers.spec.ts')).toContain(
      "from './xenioo.handlers.js';",
    );
  });

  it('writes a spec for the test runner of the application', () => {
    const specOf = (script: string, ...packages: string[]) =>
      init(
        nestFiles({
          'package.json': JSON.stringify({
            scripts: { test: script },
            dependencies: Object.fromEntries(
              ['@nestjs/core', ...packages].map(name => [name, '*']),
            ),
          }),
        }),
      ).get('src/xenioo/xenioo.handlers.spec.ts');

    expect(specOf('jest', '@nestjs/testing', 'vitest')).not.toContain(
      "from 'vitest'",
    );
    expect(specOf('vitest run', '@nestjs/testing')).toContain(
      "import { afterEach, beforeEach, describe, expect, it } from 'vitest';",
    );
    expect(
      specOf('jest', '@nestjs/testing', '@nestjs/platform-fastify'),
    ).toContain('createNestApplication(new FastifyAdapter())');
    expect(specOf('mocha', '@nestjs/testing')).toBeUndefined();
    expect(specOf('jest')).toBeUndefined();
  });

  it('finds the root module of main.ts', () => {
    const files = nestFiles({
      'src/app.module.ts': undefined,
      'src/main.ts': `import { NestFactory } from '@nestjs/core';
import { RootModule } from './core/root.module';
// NestFactory.create(Other)
const app = await NestFactory.create<NestExpressApplication>(RootModule, { rawBody: true });
`,
      'src/core/root.module.ts': APP_MODULE.replace('AppModule', 'RootModule'),
    });

    expect(init(files).get('src/core/root.module.ts')).toContain(
      "import { XeniooHandlers } from '../xenioo/xenioo.handlers';",
    );
  });

  describe('in a monorepo', () => {
    const files = nestFiles({
      'src/main.ts': undefined,
      'src/app.module.ts': undefined,
      'nest-cli.json': JSON.stringify({
        sourceRoot: 'apps/shop/src',
        projects: {
          shop: { sourceRoot: 'apps/shop/src', entryFile: 'main' },
          admin: { sourceRoot: 'apps/admin/src', entryFile: 'main' },
        },
      }),
      'apps/shop/src/app.module.ts': APP_MODULE,
      'apps/admin/src/main.ts':
        "import { AdminModule } from './admin.module'; NestFactory.create(AdminModule);",
      'apps/admin/src/admin.module.ts': APP_MODULE.replace(
        'AppModule',
        'AdminModule',
      ),
    });

    it('changes the application of nest-cli.json, or the one of --project', () => {
      const pathsOf = (options = {}) =>
        plan(files, options).changes.map(({ path }) => path);

      expect(pathsOf()).toContain('apps/shop/src/app.module.ts');
      expect(pathsOf({ project: 'admin' })).toEqual([
        'apps/admin/src/xenioo/xenioo.handlers.ts',
        'apps/admin/src/xenioo/xenioo.handlers.spec.ts',
        'apps/admin/src/admin.module.ts',
        '.env',
        '.env.example',
      ]);
    });

    it('names the applications if there is no such one', () => {
      expect(errorOf(files, { project: 'other' })).toContain('shop, admin');
      expect(errorOf(nestFiles(), { project: 'shop' })).toContain(
        'has no projects',
      );
    });
  });

  it('keeps what the environment files and .gitignore contain', () => {
    const files = nestFiles({
      '.env': 'PORT=3000',
      '.env.example': 'export XENIOO_SECRET=\n',
      '.gitignore': 'dist\r\n',
    });

    const after = init(files);

    expect(after.get('.env')).toMatch(
      /^PORT=3000\n# API Secret of the bot .*\nXENIOO_SECRET=[\w-]{32}\n$/,
    );
    expect(after.get('.env.example')).toBe(files.get('.env.example'));
    expect(after.get('.gitignore')).toBe('dist\r\n.env\r\n');
  });

  it('makes another secret for each application', () => {
    expect(plan(nestFiles()).secret).not.toBe(plan(nestFiles()).secret);
  });

  it.each([
    [{}, undefined, 'npm install'],
    [{ 'yarn.lock': '' }, undefined, 'yarn add'],
    [{ 'pnpm-lock.yaml': '' }, 'npm/11', 'pnpm add'],
    [{ 'package-lock.json': undefined }, 'pnpm/10.1.0 npm/?', 'pnpm add'],
  ])('names the packages to install, with %j', (own, userAgent, command) => {
    const files = nestFiles(own, ['nestjs-xenioo', '@nestjs/config']);

    expect(plan(files, { userAgent }).steps[0]).toBe(
      `Run ${command} class-validator class-transformer`,
    );
  });

  it('names a version of @nestjs/config that Jest loads with Nest 11', () => {
    const stepOf = (version: string) =>
      plan(
        nestFiles({
          'package.json': JSON.stringify({
            dependencies: { '@nestjs/core': version },
          }),
        }),
      ).steps[0];

    expect(stepOf('^11.0.1')).toMatch(/ @nestjs\/config@4$/);
    expect(stepOf('^12.0.0')).toMatch(/ @nestjs\/config$/);
  });

  it('has no step if nothing is missing', () => {
    const files = init(
      nestFiles({}, [
        'nestjs-xenioo',
        '@nestjs/config',
        'class-validator',
        'class-transformer',
      ]),
    );

    expect(plan(files)).toMatchObject({ changes: [], steps: [] });
  });

  it('shows what to add if the module has no clear place for it', () => {
    const files = nestFiles({
      'src/app.module.ts': APP_MODULE.replace(
        /@Module\([^]*\}\)/,
        '@Module(metadata)',
      ),
    });

    expect(errorOf(files)).toMatchInlineSnapshot(`
      "src/app.module.ts can't be changed: expected a class AppModule with @Module({ imports: […], providers: […] }). Nothing was changed. Fix: add this yourself, then run the command again:

      import { ConfigModule, ConfigService } from '@nestjs/config';
      import { XeniooModule } from 'nestjs-xenioo';
      import { XeniooHandlers } from './xenioo/xenioo.handlers';

      // in imports:
      ConfigModule.forRoot({ isGlobal: true }),
      XeniooModule.forRootAsync({
        inject: [ConfigService],
        useFactory: (config: ConfigService) => ({
          secret: config.get<string>('XENIOO_SECRET'),
        }),
      }),

      // in providers:
      XeniooHandlers,"
    `);

    // After that, the command adds the rest.
    files.set(
      'src/app.module.ts',
      '@Module(metadata(XeniooModule.forRoot({}), XeniooHandlers))',
    );
    expect(plan(files).changes.map(({ path }) => path)).toEqual([
      'src/xenioo/xenioo.handlers.ts',
      'src/xenioo/xenioo.handlers.spec.ts',
      '.env',
      '.env.example',
    ]);
  });

  it.each([
    ['no application', { 'nest-cli.json': undefined, 'package.json': '{}' }],
    ['no root module', { 'src/app.module.ts': undefined }],
    ['a nest-cli.json that is not JSON', { 'nest-cli.json': '{ "a": 1, }' }],
    ['a nest-cli.json that is no object', { 'nest-cli.json': 'null' }],
    [
      'another file in the place of the handler',
      { 'src/xenioo/xenioo.handlers.ts': 'export const x = 1;' },
    ],
  ])('says what to do about %s', (_what, own) => {
    expect(errorOf(nestFiles(own))).toContain('Fix: ');
  });
});
