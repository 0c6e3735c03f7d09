import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const INSTALL_TIMEOUT_MS = 300_000;

/**
 * Prepares to try the packed package in projects outside this repository. They are
 * in a temporary folder. It is removed, and all processes are killed, at exit.
 */
export async function startTrial(name) {
  const started = performance.now();
  const folder = await mkdtemp(join(tmpdir(), `xenioo-${name}-`));
  const running = new Set();
  let passed = 0;
  let failed = 0;

  process.once('exit', () => {
    for (const child of running) killWithChildren(child);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));

  /** Runs `main`, prints the totals and exits the process. */
  async function conclude(main) {
    try {
      if (!relative(ROOT, folder).startsWith('..')) {
        throw new Error(
          `${folder} is inside the repository, whose packages would be found: set TMPDIR to another folder`,
        );
      }
      await main();
    } catch (error) {
      report('the next step could not run', '', [error.message]);
    }
    console.log(`\nin ${Math.round((performance.now() - started) / 1000)} s`);
    console.log(`${name}: ${passed} passed, ${failed} failed`);
    process.exit(failed === 0 ? 0 : 1);
  }

  /** Prints one line for a step, and its problems. */
  function report(what, success, problems) {
    const line = what.padEnd(46);
    if (problems.length === 0) {
      passed++;
      console.log(`${line} ${success}`);
      return;
    }
    failed++;
    console.log(`${line} failed`);
    for (const problem of problems) {
      console.log(problem.trim().replaceAll(/^/gm, '    '));
    }
  }

  /** Packs this package and resolves with the path of the tarball. */
  async function pack() {
    await mustRun('npm', ['pack', '--pack-destination', folder], { cwd: ROOT });
    const files = await readdir(folder);
    return join(
      folder,
      files.find(file => file.endsWith('.tgz')),
    );
  }

  /** Installs the dependencies of the `package.json` in a folder, and these tarballs. */
  function install(cwd, ...tarballs) {
    const options = [
      '--strict-peer-deps',
      '--ignore-scripts',
      '--no-package-lock',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
    ];
    return mustRun('npm', ['install', ...options, ...tarballs], {
      cwd,
      timeout: INSTALL_TIMEOUT_MS,
    });
  }

  /** Installs the Node.js versions of `test/hosts/node`, or the oldest and the newest; resolves with each version and the folder of its program. */
  async function installNodes({ quick, node }) {
    const manifest = join(ROOT, 'test/hosts/node/package.json');
    const { dependencies } = JSON.parse(await readFile(manifest, 'utf8'));
    const all = Object.entries(dependencies);
    const nodes = all.filter(
      ([name], at) =>
        (!quick || at === 0 || at === all.length - 1) &&
        (!node || name === `node-${node}`),
    );
    if (nodes.length === 0) throw new Error(`${manifest} has no such Node.js`);
    const cwd = join(folder, 'node');
    await mkdir(cwd);
    await writeFile(
      join(cwd, 'package.json'),
      JSON.stringify({ dependencies: Object.fromEntries(nodes) }),
    );
    await install(cwd);
    return nodes.map(([name, alias]) => ({
      version: alias.split('@').at(-1),
      bin: join(cwd, 'node_modules', name, 'bin'),
    }));
  }

  async function mustRun(command, args, options) {
    const { code, output } = await run(command, args, options);
    if (code !== 0) throw new Error(`${command} ${args[0]} failed:\n${output}`);
  }

  /** Runs a process and never rejects: `code` is the error code if it can't be started. After `timeout`, or when `signal` aborts, the process and its children are killed. */
  function run(command, args, options) {
    return start(command, args, options).ended;
  }

  /**
   * Starts a process: `ended` resolves with how it ended, `printed()` with the first match in what it prints to stdout,
   * or with `null` if it ends before. `stop()` sends a signal to the process alone.
   */
  function start(
    command,
    args,
    { timeout, signal: abortSignal, ...options } = {},
  ) {
    // A process group of its own can be killed as one.
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
      detached: true,
    });
    running.add(child);
    abortSignal?.addEventListener('abort', () => killWithChildren(child));
    const timer = timeout && setTimeout(killWithChildren, timeout, child);
    let stdout = '';
    let stderr = '';
    let problem;
    child.stdout.setEncoding('utf8').on('data', text => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', text => (stderr += text));
    child.once('error', error => (problem = error));
    const ended = new Promise(resolve => {
      child.once('close', (code, signal) => {
        running.delete(child);
        clearTimeout(timer);
        const end = String(problem ?? `ended with ${signal ?? code}`);
        resolve({
          code: problem?.code ?? code,
          signal,
          stdout,
          stderr,
          output: stdout + stderr + (code === 0 ? '' : `\n${end}`),
        });
      });
    });
    const printed = pattern =>
      new Promise(resolve => {
        const check = () => {
          const match = pattern.exec(stdout);
          if (match) resolve(match);
        };
        child.stdout.on('data', check);
        check();
        void ended.then(() => resolve(null));
      });
    return { ended, printed, stop: signal => child.kill(signal) };
  }

  return {
    folder,
    conclude,
    report,
    pack,
    install,
    installNodes,
    mustRun,
    run,
    start,
  };
}

function killWithChildren(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended or never started.
  }
}

/** Runs tasks, no more than two at once. */
export async function twoAtOnce(tasks) {
  const left = tasks.values();
  const worker = async () => {
    for (const task of left) await task();
  };
  await Promise.all([worker(), worker()]);
}
