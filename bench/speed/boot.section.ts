import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { bytesFigure, median, medians, say, sayTable } from '../report.js';
import type { AdapterName } from './apps/adapters.js';
import { ADAPTERS, titleOf } from './contestant.js';
import type { Figures } from './goals.js';
import { pinnedFork } from './pinning.js';
import type { Effort } from './side-by-side.js';

/** An empty application; one that loads the peers of the package; one with the module and a handler. */
export type BootKind = 'empty' | 'peers' | 'module';

export interface BootFigures {
  /** Duration of the imports that `empty` does not have. */
  readonly importMs: number;
  /** Duration from `NestFactory.create()` to listening. */
  readonly bootMs: number;
  /** Duration from the start of the process to listening. */
  readonly totalMs: number;
  /** Heap after a garbage collection. */
  readonly heapBytes: number;
  readonly rssBytes: number;
}

const NAMES: Record<BootKind, string> = {
  empty: 'empty application',
  peers: 'with class-validator, class-transformer, event-emitter',
  module: 'with the module and a handler',
};
const KINDS = Object.keys(NAMES) as BootKind[];

/** Measures the start-up time and memory that the module adds, in fresh processes. */
export async function bootSection({ rounds }: Effort): Promise<Figures> {
  const results = new Map<string, BootFigures[]>();
  for (let round = 0; round < rounds; round++) {
    for (const adapter of ADAPTERS) {
      for (const kind of KINDS) {
        const name = `${adapter} ${kind}`;
        const figures = await boot(kind, adapter);
        results.set(name, [...(results.get(name) ?? []), figures]);
      }
    }
  }
  const of = (adapter: AdapterName, kind: BootKind) =>
    results.get(`${adapter} ${kind}`)!;
  say('### Start-up\n');
  sayTable(
    ['', 'import, ms', 'create to listening, ms', 'process, ms', 'heap', 'RSS'],
    ADAPTERS.flatMap(adapter => [
      ...KINDS.map(kind =>
        row(`${titleOf(adapter)}: ${NAMES[kind]}`, medians(of(adapter, kind))),
      ),
      row(
        `${titleOf(adapter)}: added by the module to the second`,
        added(of(adapter, 'peers'), of(adapter, 'module')),
      ),
    ]),
  );
  return {};
}

function row(name: string, figures: BootFigures): string[] {
  const { importMs, bootMs, totalMs, heapBytes, rssBytes } = figures;
  const times = [importMs, bootMs, totalMs].map(time => time.toFixed(1));
  return [name, ...times, bytesFigure(heapBytes), bytesFigure(rssBytes)];
}

/** Returns the medians of the differences in each round. */
function added(
  before: readonly BootFigures[],
  after: readonly BootFigures[],
): BootFigures {
  const by = (name: keyof BootFigures) =>
    median(after.map((figures, round) => figures[name] - before[round]![name]));
  return {
    importMs: by('importMs'),
    bootMs: by('bootMs'),
    totalMs: by('totalMs'),
    heapBytes: by('heapBytes'),
    rssBytes: by('rssBytes'),
  };
}

async function boot(
  kind: BootKind,
  adapter: AdapterName,
): Promise<BootFigures> {
  const path = fileURLToPath(new URL('boot.process.js', import.meta.url));
  const child = fork(path, [kind, adapter], pinnedFork(['--expose-gc']));
  const exited = once(child, 'exit');
  const [figures] = (await once(child, 'message')) as [BootFigures];
  await exited;
  return figures;
}
