import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median, say } from '../../scaling/report.js';
import type { AdapterName } from '../apps/adapters.js';
import { pinnedFork } from '../pinning.js';
import { bytesFigure, sayTable } from '../table.js';

/** An empty app; one that loads what the package needs of a host besides; one that has the module and a handler. */
export type BootKind = 'empty' | 'peers' | 'module';

export interface BootFigures {
  /** Of what `empty` does not load. */
  readonly importMs: number;
  /** From `NestFactory.create()` until it listens. */
  readonly bootMs: number;
  /** From the start of the process until it listens. */
  readonly totalMs: number;
  /** After a collection of garbage. */
  readonly heapBytes: number;
  readonly rssBytes: number;
}

const NAMES: Record<BootKind, string> = {
  empty: 'empty Nest app',
  peers: 'and class-validator, class-transformer, event-emitter loaded',
  module: 'and the module with a handler',
};
const ADDED_TO = {
  empty: 'an empty app',
  peers: 'an empty app that has loaded the peers',
};
const KINDS = Object.keys(NAMES) as BootKind[];
const ADAPTERS: readonly AdapterName[] = ['express', 'fastify'];

/** Start-up time and memory that the module adds, in fresh processes. */
export async function bootSection(rounds: number): Promise<void> {
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
    ADAPTERS.flatMap(adapter =>
      KINDS.map(kind =>
        row(`${adapter}: ${NAMES[kind]}`, medians(of(adapter, kind))),
      ),
    ),
  );
  say('Added to it, and the goal; what is over it stands out:\n');
  sayTable(
    [
      '',
      'create to listening (≤ 15 ms)',
      'with import (≤ 15 ms)',
      'heap (≤ 5 MB)',
      'RSS (≤ 5 MB)',
    ],
    ADAPTERS.flatMap(adapter =>
      (['empty', 'peers'] as const).map(kind => [
        `${adapter}: ${ADDED_TO[kind]}`,
        ...added(of(adapter, kind), of(adapter, 'module')),
      ]),
    ),
  );
}

function row(name: string, figures: BootFigures): string[] {
  const { importMs, bootMs, totalMs, heapBytes, rssBytes } = figures;
  const times = [importMs, bootMs, totalMs].map(time => time.toFixed(1));
  return [name, ...times, bytesFigure(heapBytes), bytesFigure(rssBytes)];
}

/** The medians of what each round adds: both were measured one soon after the other. */
function added(
  before: readonly BootFigures[],
  after: readonly BootFigures[],
): string[] {
  const by = (name: keyof BootFigures) =>
    median(after.map((figures, round) => figures[name] - before[round]![name]));
  return [
    within(15, by('bootMs'), 'ms'),
    within(15, by('totalMs'), 'ms'),
    within(5, by('heapBytes') / 1e6, 'MB'),
    within(5, by('rssBytes') / 1e6, 'MB'),
  ];
}

function within(goal: number, measured: number, unit: string): string {
  const text = `${measured.toFixed(1)} ${unit}`;
  return measured <= goal ? text : `**${text}**`;
}

function medians(rounds: readonly BootFigures[]): BootFigures {
  const names = Object.keys(rounds[0]!) as (keyof BootFigures)[];
  const entries = names.map(name => [
    name,
    median(rounds.map(figures => figures[name])),
  ]);
  return Object.fromEntries(entries) as BootFigures;
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
