import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);

const { peerDependenciesMeta } = JSON.parse(
  await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
) as { peerDependenciesMeta: Record<string, { optional: boolean }> };
const OPTIONAL = Object.keys(peerDependenciesMeta);

/** Runs a script in a fresh process of a host that lacks these packages. */
async function nodeWithout(packages: readonly string[], script: string) {
  const hooks = `
    const missing = ${JSON.stringify(packages)};
    export async function resolve(specifier, context, next) {
      if (missing.some(name => (specifier + '/').startsWith(name + '/'))) {
        throw new Error("Cannot find package '" + specifier + "'");
      }
      return next(specifier, context);
    }`;
  const preload = `
    import { register } from 'node:module';
    register(${JSON.stringify(asModule(hooks))});`;
  const { stdout } = await run(process.execPath, [
    '--import',
    asModule(preload),
    '--input-type=module',
    '--eval',
    script,
  ]);
  return JSON.parse(stdout) as unknown;
}

function asModule(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

/** Returns the message of the error that loading an entry throws without these packages; `null` if it loads. */
const errorOfLoading = (entry: string, without: readonly string[]) =>
  nodeWithout(
    without,
    `const error = await import('${entry}').then(() => null, error => error.message);
     console.log(JSON.stringify(error));`,
  );

/** Returns the error that an inbox throws while the host boots without a package. */
const errorOfBoot = (connection: string, without: string) =>
  nodeWithout(
    [without],
    `import { bullmqInbox } from 'nestjs-xenioo/bullmq';
     const { useFactory } = bullmqInbox({ connection: '${connection}' });
     const { name, message } = await useFactory().catch(error => error);
     console.log(JSON.stringify({ name, message }));`,
  );

describe('the optional packages', () => {
  it('are those of the event emitter, the inboxes and the integrations', () => {
    expect(OPTIONAL.toSorted()).toEqual([
      '@nestjs/event-emitter',
      '@nestjs/terminus',
      '@opentelemetry/api',
      'bullmq',
      'ioredis',
      'lmdb',
      'pg',
    ]);
  });

  it.each([
    'nestjs-xenioo',
    'nestjs-xenioo/inbox',
    'nestjs-xenioo/bullmq',
    'nestjs-xenioo/inspector',
    'nestjs-xenioo/lmdb',
    'nestjs-xenioo/postgres',
    'nestjs-xenioo/testing',
  ])('are not needed by %s', async entry => {
    expect(await errorOfLoading(entry, OPTIONAL)).toBe(null);
  });
});

describe('the integration', () => {
  it.each([
    ['nestjs-xenioo/terminus', '@nestjs/terminus'],
    ['nestjs-xenioo/opentelemetry', '@opentelemetry/api'],
  ])('%s needs %s when it is imported', async (entry, name) => {
    expect(await errorOfLoading(entry, [name])).toContain(name);
  });
});

describe('the BullMQ inbox', () => {
  it.each([
    ['bullmq', 'bullmq@6'],
    ['ioredis', 'ioredis@5'],
  ])('names the missing package %s at boot', async (name, install) => {
    expect(await errorOfBoot('redis://:SeCrEt@localhost', name)).toEqual({
      name: 'XeniooOptionsError',
      message: expect.stringMatching(
        new RegExp(
          `bullmqInbox\\(\\) needs the package ${name}, which could not be loaded: Cannot find package '${name}'.*Run npm install ${install}`,
        ),
      ),
    });
  });
});

describe('the PostgreSQL inbox', () => {
  it('names the missing package pg at boot', async () => {
    const error = await nodeWithout(
      ['pg'],
      `import { postgresInbox } from 'nestjs-xenioo/postgres';
       const { useFactory } = postgresInbox({ connection: 'postgres://:SeCrEt@localhost/app' });
       const { name, message } = await useFactory().catch(error => error);
       console.log(JSON.stringify({ name, message }));`,
    );

    expect(error).toEqual({
      name: 'XeniooOptionsError',
      message: expect.stringContaining(
        "postgresInbox() needs the package pg, which could not be loaded: Cannot find package 'pg'",
      ),
    });
  });
});
