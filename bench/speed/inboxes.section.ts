import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Body } from '../body.js';
import { figure, say, sayTable } from '../report.js';
import { contestantsOn, type Contestant } from './contestant.js';
import type { Figures } from './goals.js';
import type { Load } from './load.js';
import { measureSideBySide, type Effort } from './side-by-side.js';

const SINGLE: Load = { events: 1, connections: 64 };
const ARRAYS: Load = { events: 1_000, connections: 64 };
const LOADS: readonly Load[] = [
  { events: 1, connections: 1 },
  SINGLE,
  { events: 1_000, connections: 1 },
  ARRAYS,
];

/** Compares the LMDB inbox with the memory inbox, beside the speed of the disk. */
export async function inboxesSection(effort: Effort): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-xenioo-bench-'));
  try {
    const { ours: memory } = contestantsOn('fastify', 'realistic');
    const lmdb: Contestant = { ...memory, folder: join(folder, 'inbox') };
    const results = await measureSideBySide([memory, lmdb], LOADS, effort);
    say('### LMDB inbox beside the memory inbox\n');
    say(
      'On Fastify; handlers as in the realistic scenario. The disk appends and syncs (`fdatasync`) as many bytes as all callers send at a time.\n',
    );
    sayTable(
      [
        'events a call',
        'callers',
        'memory, calls/s',
        'LMDB, calls/s',
        'LMDB to memory',
        'p99 memory, ms',
        'p99 LMDB, ms',
        'p99 disk, ms',
      ],
      LOADS.map(load => [
        figure(load.events),
        figure(load.connections),
        figure(Math.round(results.median(memory, load, 'callsPerSecond'))),
        figure(Math.round(results.median(lmdb, load, 'callsPerSecond'))),
        figure(results.ratio(lmdb, memory, load)),
        figure(results.median(memory, load, 'p99Ms')),
        figure(results.median(lmdb, load, 'p99Ms')),
        figure(diskP99Ms(join(folder, 'appended'), load, effort.seconds)),
      ]),
    );
    return {
      lmdbSingle: results.ratio(lmdb, memory, SINGLE),
      lmdbArrays: results.ratio(lmdb, memory, ARRAYS),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function diskP99Ms(
  path: string,
  { events, connections }: Load,
  seconds: number,
): number {
  const file = openSync(path, 'w');
  const { bytes } = new Body(events * connections);
  const times: number[] = [];
  const endsAt = performance.now() + seconds * 1_000;
  while (performance.now() < endsAt) {
    const startedAt = performance.now();
    writeSync(file, bytes);
    fdatasyncSync(file);
    times.push(performance.now() - startedAt);
  }
  closeSync(file);
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]!;
}
