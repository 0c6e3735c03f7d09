import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCli } from '../support/cli.js';
import { nestFiles } from '../support/nest-files.js';

/** Creates an application as `nest new` makes it, and returns its folder. */
async function createHost(
  ...given: Parameters<typeof nestFiles>
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'xenioo-init-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [path, text] of nestFiles(...given)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

/** Returns the texts of all files of a folder by their paths. */
async function filesOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, {
    recursive: true,
    withFileTypes: true,
  });
  const files = entries.filter(entry => entry.isFile());
  return Object.fromEntries(
    await Promise.all(
      files.map(async ({ parentPath, name }) => [
        join(parentPath, name).slice(folder.length + 1),
        await readFile(join(parentPath, name), 'utf8'),
      ]),
    ),
  ) as Record<string, string>;
}

const init = (cwd: string, ...args: string[]) =>
  runCli(['init', ...args], { cwd });

describe('npx nestjs-xenioo init', () => {
  it('prints the changes, makes them, and prints the steps that remain', async () => {
    const folder = await createHost({ '.env': 'DATABASE_PASSWORD=hidden' });

    const { exitCode, stdout } = await init(folder);

    expect(exitCode).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "  create  src/xenioo/xenioo.handlers.ts
        create  src/xenioo/xenioo.handlers.spec.ts
        change  src/app.module.ts
                    import { Module } from '@nestjs/common';
                  + import { ConfigModule, ConfigService } from '@nestjs/config';
                  + import { XeniooModule } from 'nestjs-xenioo';
                    import { AppController } from './app.controller';
                    import { AppService } from './app.service';
                  + import { XeniooHandlers } from './xenioo/xenioo.handlers';

                    @Module({
                  -   imports: [],
                  +   imports: [
                  +     ConfigModule.forRoot({ isGlobal: true }),
                  +     XeniooModule.forRootAsync({
                  +       inject: [ConfigService],
                  +       useFactory: (config: ConfigService) => ({
                  +         secret: config.get<string>('XENIOO_SECRET'),
                  +       }),
                  +     }),
                  +   ],
                      controllers: [AppController],
                  -   providers: [AppService],
                  +   providers: [AppService, XeniooHandlers],
                    })
        change  .env
                  + # API Secret of the bot in Xenioo; random until you replace it
                  + XENIOO_SECRET=********
        create  .env.example

      Next:
        1. Run npm install nestjs-xenioo class-validator class-transformer @nestjs/config
        2. Replace XENIOO_SECRET in .env with the API Secret of the bot. It is random until then, so that the application starts.
        3. Start the application, set XENIOO_SECRET in your shell, and send an event: npx nestjs-xenioo send user-message --url http://localhost:3000/xenioo/webhook
        4. In Xenioo, set the Events Webhook URL of the bot to https://<your host>/xenioo/webhook.
      "
    `);
    const files = await filesOf(folder);
    expect(files['src/app.module.ts']).toContain('XeniooModule.forRootAsync(');
    expect(files['src/xenioo/xenioo.handlers.ts']).toContain('@OnXenioo(');
    const [, secret] = /XENIOO_SECRET=(.{32})\n$/.exec(files['.env']!)!;
    expect(stdout).not.toContain(secret);
    expect(stdout).not.toContain('hidden');
  });

  it('writes nothing with --dry-run', async () => {
    const folder = await createHost();
    const before = await filesOf(folder);

    const { exitCode, stdout } = await init(folder, '--dry-run');

    expect(exitCode).toBe(0);
    expect(stdout).toContain('  create  src/xenioo/xenioo.handlers.ts\n');
    expect(stdout).toContain('Nothing was written (--dry-run).');
    expect(await filesOf(folder)).toEqual(before);
  });

  it('changes nothing the second time', async () => {
    const folder = await createHost({}, ['nestjs-xenioo', '@nestjs/config']);
    await init(folder);
    const before = await filesOf(folder);

    const { exitCode, stdout } = await init(folder);

    expect(exitCode).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "The application has everything already; nothing to change.

      Next:
        1. Run npm install class-validator class-transformer
      "
    `);
    expect(await filesOf(folder)).toEqual(before);
  });

  it('changes nothing if it can not change the root module', async () => {
    const folder = await createHost({ 'src/app.module.ts': 'export {};\n' });
    const before = await filesOf(folder);

    const { exitCode, stdout, stderr } = await init(folder);

    expect(exitCode).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain("error: src/app.module.ts can't be changed");
    expect(stderr).toContain("import { XeniooModule } from 'nestjs-xenioo';");
    expect(await filesOf(folder)).toEqual(before);
  });

  it.skipIf(process.getuid?.() === 0)(
    'reports a file that it may not write',
    async () => {
      const folder = await createHost();
      await chmod(join(folder, 'src/app.module.ts'), 0o444);

      const { exitCode, stderr } = await init(folder);

      expect(exitCode).toBe(1);
      expect(stderr).toContain('Cannot write src/app.module.ts');
    },
  );

  it('reports a folder without an application', async () => {
    const folder = await createHost({
      'package.json': undefined,
      'nest-cli.json': undefined,
    });

    const { exitCode, stderr } = await init(folder);

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: No Nest application in this folder/);
  });
});
