import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const PEERS = [
  '@nestjs',
  'class-transformer',
  'class-validator',
  'lmdb',
  'reflect-metadata',
  'rxjs',
];

let base: string;
/** Folder of a second copy of the package, as a workspace may install it. */
let second: string;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-copies-'));
  second = join(base, 'node_modules', 'nestjs-xenioo');
  await mkdir(second, { recursive: true });
  for (const name of ['package.json', 'dist']) {
    await cp(join(ROOT, name), join(second, name), { recursive: true });
  }
  for (const name of PEERS) {
    await symlink(
      join(ROOT, 'node_modules', name),
      join(base, 'node_modules', name),
    );
  }
});

afterAll(() => rm(base, { recursive: true }));

/** Returns the code of an application that uses the first copy, with a class of a library that uses the other. */
const script = (otherCopy: string, inbox: string) => `
  import 'reflect-metadata';
  import { createRequire } from 'node:module';
  import { Injectable, Module } from '@nestjs/common';
  import { NestFactory } from '@nestjs/core';
  import * as own from 'nestjs-xenioo';
  import { deliver, idle, xeniooEntry } from 'nestjs-xenioo/testing';
  const load = createRequire(${JSON.stringify(ROOT)});
  const other = ${otherCopy};
  const report = { warnings: [], handled: [] };

  class Library {
    constructor(letters, status, observers) {
      Object.assign(this, { letters, status, observers });
    }
    handle(event) {
      report.handled.push([event instanceof other.UserMessageEvent, event instanceof other.XeniooEvent, event instanceof other.BotMessageEvent]);
      throw new other.XeniooUnrecoverableError('no such customer');
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Library.prototype, 'handle');
  other.OnXenioo(other.XeniooEventType.UserMessage)(Library.prototype, 'handle', descriptor);
  Injectable()(Library);
  Reflect.defineMetadata('design:paramtypes', [other.XeniooDeadLetters, other.XeniooWebhookStatus, other.XeniooObservers], Library);

  class AppModule {}
  Module({
    imports: [own.XeniooModule.forRoot({ secret: 'right-secret', inbox: ${inbox} })],
    providers: [Library],
  })(AppModule);

  const ignore = () => {};
  const warn = (message, context) => void report.warnings.push(String(message));
  const app = await NestFactory.create(AppModule, {
    logger: { log: ignore, error: ignore, debug: ignore, verbose: ignore, fatal: ignore, warn },
  });
  await app.listen(0, '127.0.0.1');

  await deliver(app, xeniooEntry.userMessage({ Data: 'hello' }));
  await idle(app);
  const library = app.get(Library);
  report.areSame = [
    library.letters === app.get(own.XeniooDeadLetters, { strict: false }),
    library.status === app.get(own.XeniooWebhookStatus, { strict: false }),
    library.observers === app.get(own.XeniooObservers, { strict: false }),
  ];
  report.letters = (await library.letters.list()).map(({ handler, attempts }) => [handler, attempts]);
  await app.close();
  console.log(JSON.stringify(report));`;

async function host(otherCopy: string, inbox = 'other.memoryInbox()') {
  const { stdout } = await run(
    process.execPath,
    ['--input-type=module', '--eval', script(otherCopy, inbox)],
    { cwd: ROOT },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as {
    warnings: string[];
    [name: string]: unknown;
  };
}

describe('two copies of the package in one application', () => {
  it.each([
    ['another folder', () => `await import('${second}/dist/index.js')`],
    ['another format', () => `load('${ROOT}dist/index.cjs')`],
    [
      'another format, loaded again as by jest.resetModules()',
      () => {
        const file = `'${ROOT}dist/index.cjs'`;
        return `(load(${file}), delete load.cache[${file}], load(${file}))`;
      },
    ],
    ['both', () => `load('${second}/dist/index.cjs')`],
  ])(
    'accept handlers, events, errors, tokens and inboxes of each other (%s)',
    async (_name, otherCopy) => {
      const { warnings, ...report } = await host(otherCopy());

      expect(report).toEqual({
        handled: [[true, true, false]],
        areSame: [true, true, true],
        letters: [['Library.handle', 1]],
      });
      const copies = warnings.filter(text => text.includes('is loaded'));
      expect(copies).toHaveLength(1);
      expect(copies[0]).toMatch(
        /^nestjs-xenioo is loaded 2 times: \S+ \(esm\) at \S+ and \S+ \((?:esm|cjs)\) at \S+\./,
      );
    },
  );

  it('can use the LMDB inbox of the other copy', async () => {
    const path = join(base, 'inbox');
    const { letters } = await host(
      `await import('${second}/dist/index.js')`,
      `(await import('${second}/dist/lmdb/index.js')).lmdbInbox({ path: '${path}' })`,
    );

    expect(letters).toEqual([['Library.handle', 1]]);
  });
});
