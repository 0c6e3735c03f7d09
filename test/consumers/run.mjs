/**
 * How users test with `nestjs-xenioo/testing`: packs the package, installs it
 * into projects outside this repository, and runs their tests. Jest and Vitest
 * run the same files; node:test has some of its own, which are CommonJS. An
 * application as `nest new` makes it with Nest 11 (CommonJS, ts-jest) has one
 * module, one class and one spec more, and nothing configured.
 */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { startTrial } from '../support/start-trial.mjs';

const HERE = import.meta.dirname;
const TSC = join(HERE, '../../node_modules/.bin/tsc');

/** Where the files of each consumer come from, besides what all have, and where its output tells how many tests passed. */
const CONSUMERS = {
  jest: {
    files: { test: 'test', 'jest.config.mjs': 'jest/jest.config.mjs' },
    count: /^Tests:.* (\d+) passed/m,
  },
  vitest: {
    files: { test: 'test', 'vitest.config.ts': 'vitest/vitest.config.ts' },
    count: /^ +Tests .*\b(\d+) passed/m,
  },
  'node-test': {
    files: { 'test/crm.test.ts': 'node-test/crm.test.ts' },
    count: /^\W+pass (\d+)$/m,
  },
  'jest-nest-11': {
    files: {
      src: 'jest-nest-11/src',
      test: 'jest-nest-11/test',
      'nest-cli.json': 'jest-nest-11/nest-cli.json',
      'tsconfig.build.json': 'jest-nest-11/tsconfig.build.json',
    },
    count: /^Tests:.* (\d+) passed/m,
    scripts: ['test:e2e', 'build'],
  },
};

/** Tests that have not ended by then are killed, and have failed. */
const TESTS_TIMEOUT_MS = 60_000;

const trial = await startTrial('consumers');
const { folder, report, run } = trial;
await trial.conclude(main);

async function main() {
  const tarball = await trial.pack();
  await Promise.all(
    Object.keys(CONSUMERS).map(name => tryConsumer(name, tarball)),
  );
}

async function tryConsumer(name, tarball) {
  const { files, count, scripts = [] } = CONSUMERS[name];
  const cwd = join(folder, name);
  const allFiles = {
    src: 'src',
    'package.json': `${name}/package.json`,
    'tsconfig.json': `${name}/tsconfig.json`,
    ...files,
  };
  for (const [to, from] of Object.entries(allFiles)) {
    await cp(join(HERE, from), join(cwd, to), { recursive: true });
  }
  await trial.install(cwd, tarball);

  // A build checks the types itself, with the compiler of the consumer.
  if (!scripts.includes('build')) {
    const { code, output } = await run(TSC, ['--noEmit'], { cwd });
    report(`${name} · types`, 'compiled', code === 0 ? [] : [output]);
  }

  const tests = await run('npm', ['test'], {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
    timeout: TESTS_TIMEOUT_MS,
  });
  const passed = Number(count.exec(tests.output)?.[1] ?? 0);
  report(
    `${name} · tests`,
    `${passed} tests passed`,
    tests.code === 0 && passed > 0 ? [] : [tests.output],
  );

  for (const script of scripts) {
    const { code, output } = await run('npm', ['run', script], {
      cwd,
      timeout: TESTS_TIMEOUT_MS,
    });
    report(`${name} · ${script}`, 'passed', code === 0 ? [] : [output]);
  }
}
