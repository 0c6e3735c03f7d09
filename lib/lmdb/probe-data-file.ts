import type { RootDatabaseOptions } from 'lmdb';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rmSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/*
 * The native code of lmdb ends the process when a data file is damaged, and blocks
 * while a suspended process holds the lock for writing. So a child process opens the
 * file first, reads the rows, and rewrites them in a transaction that it aborts. Only
 * commits test the list of free pages, so it also commits to a copy of the file, taken
 * while it holds the lock. It reads for at most 2 s and holds the lock for about
 * 300 ms: large files are checked in part.
 */
const SCRIPT = `
  const fs = require('node:fs');
  const { path, copy, names, file, options } = JSON.parse(process.argv[1]);
  const print = text => fs.writeSync(1, text + '\\n');
  let latest = Infinity;
  const rewrite = (tables, rows) => {
    for (const table of tables) {
      for (const key of [0, 'probe']) void table.put(key, 'x'.repeat(500));
    }
    for (const { table, key, value } of rows) {
      void tables[table].remove(key);
      void tables[table].put(key, value);
      if (Date.now() > latest) break;
    }
  };
  print('opening');
  try {
    const { open, ABORT } = require(file);
    const root = open({ path, ...options });
    print('reading');
    const found = [...root.getKeys()];
    const missing = names.filter(name => !found.includes(name));
    if (missing.length > 0) throw new Error('it has no tables ' + missing);
    const tables = found.map(name => root.openDB({ name, create: false }));
    const rows = [];
    latest = Date.now() + 2000;
    for (let table = 0, count = 0; table < tables.length; table++) {
      for (const { key, value } of tables[table].getRange()) {
        if (count++ < 10000) rows.push({ table, key, value: value.slice(0, 3000) });
        else if (count % 1000 === 0 && Date.now() > latest) break;
      }
    }
    root.transactionSync(() => {
      latest = Date.now() + 300;
      rewrite(tables, rows);
      if (copy) fs.copyFileSync(path, copy);
      return ABORT;
    });
    if (copy) {
      const twin = open({ path: copy, ...options, noSync: true });
      const twins = found.map(name => twin.openDB({ name }));
      latest = Date.now() + 1000;
      for (let commits = 0; commits < 10; commits++) {
        twin.transactionSync(() => rewrite(twins, rows));
      }
    }
    print('sound');
  } catch (error) {
    print('error ' + String(error && error.message));
  }
  process.exit();
`;

/** Size in bytes above which a file is not copied. */
const MAX_COPIED_BYTES = 2 ** 24;

/** Pattern of the names of copies. */
export const COPY_NAMES = /^probe-.*\.mdb/;

/** Time-outs in milliseconds of the steps of the child process. */
const STEP_TIMEOUTS_MS = {
  starting: 20_000,
  opening: 3_000,
  reading: 20_000,
} as const;

/** Signals of a crash in native code. */
const CRASH_SIGNALS: ReadonlySet<string> = new Set([
  'SIGSEGV',
  'SIGBUS',
  'SIGABRT',
  'SIGILL',
  'SIGFPE',
  'SIGTRAP',
]);

/** Result of a probe; `unknown` when the child process could not check the file. */
export type ProbeResult =
  | { readonly status: 'sound' | 'locked' }
  | { readonly status: 'damaged' | 'unknown'; readonly reason: string };

/**
 * Opens and reads a data file of lmdb in a child process. Never rejects.
 * @param given.names tables that the file must have
 * @param given.file file that lmdb is loaded from
 */
export async function probeDataFile(
  path: string,
  {
    names,
    file,
    options,
  }: {
    readonly names: readonly string[];
    readonly file: string;
    readonly options: RootDatabaseOptions;
  },
): Promise<ProbeResult> {
  const copy = copyOf(path);
  const values = { path, copy, names, file, options };
  const child = spawn(
    process.execPath,
    ['--input-type=commonjs', '--eval', SCRIPT, JSON.stringify(values)],
    { stdio: ['ignore', 'pipe', 'ignore'], env: childEnvironment() },
  );
  let output = '';
  let timer: NodeJS.Timeout | undefined;
  let isTimedOut = false;
  const restartTimer = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      isTimedOut = true;
      child.kill('SIGKILL');
    }, STEP_TIMEOUTS_MS[stepOf(output)]);
  };
  restartTimer();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    restartTimer();
  });
  try {
    const [code, signal] = (await once(child, 'close')) as [
      number | null,
      string | null,
    ];
    return resultOf(output, { code, signal, isTimedOut });
  } catch (error) {
    return { status: 'unknown', reason: String(error) };
  } finally {
    clearTimeout(timer);
    for (const left of copy ? [copy, `${copy}-lock`] : []) {
      rmSync(left, { force: true });
    }
  }
}

/** Returns the path for a copy, if the file is small and the disk has space. */
function copyOf(path: string): string | undefined {
  const folder = dirname(path);
  const { size } = statSync(path);
  const { bavail, bsize } = statfsSync(folder);
  const hasSpace = bavail * bsize > 4 * size + MAX_COPIED_BYTES;
  return size <= MAX_COPIED_BYTES && hasSpace
    ? join(folder, `probe-${randomUUID()}.mdb`)
    : undefined;
}

/** Returns the environment without NODE_OPTIONS, unless Yarn Plug'n'Play needs it to find lmdb. */
function childEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS, ...others } = process.env;
  const isNeeded = 'pnp' in process.versions && NODE_OPTIONS !== undefined;
  return {
    ...others,
    ...(isNeeded && { NODE_OPTIONS }),
    ELECTRON_RUN_AS_NODE: '1',
  };
}

function stepOf(output: string): keyof typeof STEP_TIMEOUTS_MS {
  if (output.includes('reading\n')) return 'reading';
  return output.includes('opening\n') ? 'opening' : 'starting';
}

function resultOf(
  output: string,
  ended: { code: number | null; signal: string | null; isTimedOut: boolean },
): ProbeResult {
  if (output.includes('sound\n')) return { status: 'sound' };
  const error = /^error (.*)/m.exec(output)?.[1];
  if (error !== undefined) {
    const isDamage =
      /no tables|MDB_(INVALID|CORRUPTED|PAGE_NOTFOUND|PANIC|BAD)/.test(error);
    return { status: isDamage ? 'damaged' : 'unknown', reason: error };
  }
  const step = stepOf(output);
  const { code, signal, isTimedOut } = ended;
  if (isTimedOut && step === 'opening') return { status: 'locked' };
  const how = isTimedOut
    ? `took over ${STEP_TIMEOUTS_MS[step]} ms`
    : `ended with ${signal ?? code}`;
  const reason = `a process that opened it ${how}`;
  const hasCrashed = signal === null ? code !== 0 : CRASH_SIGNALS.has(signal);
  const isDamage = step !== 'starting' && (isTimedOut || hasCrashed);
  return { status: isDamage ? 'damaged' : 'unknown', reason };
}
