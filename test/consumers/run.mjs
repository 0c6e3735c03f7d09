/**
 * Tests `nestjs-xenioo/testing` as users do: packs the package, installs it
 * into projects outside this repository, and runs their tests. Jest and Vitest
 * run the same files; node:test has some of its own, which are CommonJS. Two
 * applications, as `nest new` makes them with Nest 11 (CommonJS, ts-jest) and
 * Nest 12 (ESM, Vitest), get the module with `npx nestjs-xenioo init`, and then
 * one class and its specs more. Nothing is configured: their own scripts pass,
 * and what they build answers. One then becomes a monorepo, where `init`
 * changes a second application. The Node.js versions are those of
 * `test/hosts/node`, for Linux with x64 only.
 */
import { existsSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';
import { startTrial, twoAtOnce } from '../support/start-trial.mjs';

const HERE = import.meta.dirname;
const ENGINES = join(HERE, '../support/engines');
const TSC = join(HERE, '../../node_modules/.bin/tsc');

/** Time limit of a test run, which is then killed and has failed. */
const TESTS_TIMEOUT_MS = 300_000;

const JEST = {
  count: /^Tests:.* (\d+) passed/m,
  args: ['--', `--testTimeout=${TESTS_TIMEOUT_MS}`],
};
const VITEST = {
  count: /^ +Tests .*\b(\d+) passed/m,
  args: [...JEST.args, `--hookTimeout=${TESTS_TIMEOUT_MS}`],
};

/** Consumers by name: their files besides those of all, the pattern of the passed tests in the output, and runner arguments for generous time-outs. */
const CONSUMERS = {
  'jest-nest-11': {
    ...JEST,
    files: {
      src: 'jest-nest-11/src',
      test: 'jest-nest-11/test',
      'nest-cli.json': 'jest-nest-11/nest-cli.json',
      'tsconfig.build.json': 'jest-nest-11/tsconfig.build.json',
    },
    isApplication: true,
    hasMonorepo: true,
  },
  'vitest-nest-12': {
    ...VITEST,
    files: {
      src: 'vitest-nest-12/src',
      test: 'vitest-nest-12/test',
      'nest-cli.json': 'vitest-nest-12/nest-cli.json',
      'tsconfig.build.json': 'vitest-nest-12/tsconfig.build.json',
      'vitest.config.ts': 'vitest-nest-12/vitest.config.ts',
      'vitest.config.e2e.ts': 'vitest-nest-12/vitest.config.e2e.ts',
      '.oxlintrc.json': 'vitest-nest-12/.oxlintrc.json',
    },
    isApplication: true,
    hasLint: true,
  },
  jest: {
    ...JEST,
    files: { test: 'test', 'jest.config.mjs': 'jest/jest.config.mjs' },
  },
  vitest: {
    ...VITEST,
    files: { test: 'test', 'vitest.config.ts': 'vitest/vitest.config.ts' },
  },
  'node-test': {
    files: { 'test/crm.test.ts': 'node-test/crm.test.ts' },
    count: /^\W+pass (\d+)$/m,
    args: [],
  },
};

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean' } },
  allowPositionals: true,
});
/** Tests applications only on the oldest and the newest Node.js. */
const { quick } = values;
const names = positionals.length > 0 ? positionals : Object.keys(CONSUMERS);

const trial = await startTrial('consumers');
const { folder, report, run } = trial;
const { findEngines, startRedis, freePort, waitUntil } = await importEngines();
await trial.conclude(main);

async function main() {
  const [tarball, nodes, redis] = await Promise.all([
    trial.pack(),
    trial.installNodes({ quick }),
    startRedisIfInstalled(),
  ]);
  // Files that tests leave behind are removed with the folder.
  const env = { ...process.env, NO_COLOR: '1', TMPDIR: folder };
  if (redis !== undefined) env.REDIS_URL = redis.url;
  try {
    await twoAtOnce(
      names.map(name => () => tryConsumer(name, { tarball, nodes, env })),
    );
  } finally {
    await redis?.stop();
  }
}

async function tryConsumer(name, { tarball, nodes, env }) {
  const { files, isApplication, hasMonorepo } = CONSUMERS[name];
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
  if (isApplication) {
    await tryInit(`${name} · init`, [], { cwd, env });
    await cp(join(HERE, name, 'crm'), join(cwd, 'src'), { recursive: true });
  }

  const ownTsc = join(cwd, 'node_modules/.bin/tsc');
  const tsc = existsSync(ownTsc) ? ownTsc : TSC;
  const { code, output } = await run(tsc, ['--noEmit'], { cwd });
  report(`${name} · types`, 'compiled', code === 0 ? [] : [output]);

  if (isApplication) {
    await tryApplication(name, { cwd, nodes, env });
    if (hasMonorepo) await tryMonorepo(name, { cwd, env });
  } else {
    await runTests(`${name} · tests`, 'test', name, { cwd, env });
  }
}

/** Runs `npx nestjs-xenioo init`: first on trial, and once more when everything is there. */
async function tryInit(what, args, options) {
  const init = (...more) =>
    run('npx', ['nestjs-xenioo', 'init', ...args, ...more], options);
  const runs = [await init('--dry-run'), await init(), await init()];
  const [planned, first, second] = runs;
  const changes = first.stdout.match(/^ {2}(create|change) .*/gm) ?? [];
  const isRight =
    runs.every(({ code }) => code === 0) &&
    changes.length > 0 &&
    planned.stdout.startsWith(first.stdout.split('\n\nNext:')[0]) &&
    !/Run npm install/.test(first.stdout) &&
    second.stdout.startsWith('The application has everything already');
  report(
    what,
    `${changes.length} files written`,
    isRight ? [] : runs.map(({ output }) => output),
  );
}

/** Makes a monorepo of an application, and adds the module to two more applications: with `init`, and with `nest add`. */
async function tryMonorepo(name, { cwd, env }) {
  const what = `${name} · monorepo`;
  const options = { cwd, env, timeout: TESTS_TIMEOUT_MS };
  const nest = (...args) => trial.mustRun('npx', ['nest', ...args], options);
  await nest('generate', 'app', 'admin');
  await nest('generate', 'app', 'shop');
  await tryInit(`${what} · init`, ['--project', 'admin'], options);
  const add = ['--skip-install', 'nestjs-xenioo', '--project', 'shop'];
  await nest('add', ...add);
  const spec = 'src/xenioo/xenioo.handlers.spec.ts';
  for (const app of ['apps/admin', 'apps/shop']) {
    const path = `${app}/${spec}`;
    await runTests(`${what} · ${app}`, 'test', name, options, [path]);
  }
  const { code, output } = await run(
    'npx',
    ['nest', 'build', 'admin'],
    options,
  );
  report(`${what} · build`, 'passed', code === 0 ? [] : [output]);
}

/** Runs the scripts of the scaffold; the build is made once. */
async function tryApplication(name, { cwd, nodes, env }) {
  const { hasLint } = CONSUMERS[name];
  const scripts = hasLint ? ['format:check', 'lint', 'build'] : ['build'];
  for (const script of scripts) {
    const { code, output } = await run('npm', ['run', script], {
      cwd,
      env,
      timeout: TESTS_TIMEOUT_MS,
    });
    report(`${name} · ${script}`, 'passed', code === 0 ? [] : [output]);
  }

  for (const { version, bin } of nodes) {
    const host = `${name} · node ${version}`;
    const PATH = [bin, env.PATH].join(delimiter);
    const options = { cwd, env: { ...env, PATH } };
    await runTests(`${host} · test`, 'test', name, options);
    await runTests(`${host} · test:e2e`, 'test:e2e', name, options);
    await callBuild(`${host} · start:prod`, options);
  }
}

async function runTests(what, script, name, options, files = []) {
  const { count, args } = CONSUMERS[name];
  const { code, output } = await run(
    'npm',
    ['run', script, ...args, ...files],
    {
      ...options,
      timeout: TESTS_TIMEOUT_MS,
    },
  );
  const passed = Number(count.exec(output)?.[1] ?? 0);
  report(
    what,
    `${passed} tests passed`,
    code === 0 && passed > 0 ? [] : [output],
  );
}

/** Starts the output of `nest build`, and calls its webhook with the right secret and with a wrong one. */
async function callBuild(what, { cwd, env }) {
  const PORT = String(await freePort());
  const ending = new AbortController();
  let hasEnded = false;
  const application = run('npm', ['run', 'start:prod'], {
    cwd,
    env: { ...env, PORT, XENIOO_SECRET: 'right' },
    timeout: TESTS_TIMEOUT_MS,
    signal: ending.signal,
  }).finally(() => (hasEnded = true));

  const url = `http://127.0.0.1:${PORT}/xenioo/webhook`;
  await waitUntil(
    'the application answered',
    async () => hasEnded || (await statusOf(url, 'wrong')) !== undefined,
    2 * TESTS_TIMEOUT_MS,
  );
  const statuses = [await statusOf(url, 'right'), await statusOf(url, 'wrong')];
  ending.abort();
  const { output } = await application;
  const answered = `answered ${statuses.join(' and ')}`;
  const isRight = answered === 'answered 200 and 401';
  report(what, answered, isRight ? [] : [answered, output]);
}

/** Returns the status of a call of the webhook; `undefined` without an answer. */
async function statusOf(url, secret) {
  try {
    const { status } = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}` },
      body: JSON.stringify([{ Type: 1, Data: 'Hello!' }]),
    });
    return status;
  } catch {
    return undefined;
  }
}

/** Starts Redis for the tests that need it. Without Redis they are skipped, which is a failure in CI. */
async function startRedisIfInstalled() {
  const missing = findEngines.missingEngine('redis');
  if (missing === undefined) return startRedis();
  if (process.env.CI) report('redis', '', [missing]);
  else console.log(missing);
  return undefined;
}

/** Imports the engines of the slow tier, which are TypeScript. */
async function importEngines() {
  const [findEngines, { startRedis }, { freePort }, { waitUntil }] =
    await Promise.all(
      ['find-engines', 'redis-server', 'free-port', 'wait-until'].map(
        async name => (await runnerImport(join(ENGINES, `${name}.ts`))).module,
      ),
    );
  return { findEngines, startRedis, freePort, waitUntil };
}
