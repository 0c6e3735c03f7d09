import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median, say } from '../../scaling/report.js';
import { sayGoals } from '../goals.js';
import { pinnedFork } from '../pinning.js';
import type { Effort } from '../speed.section.js';
import { figure, sayTable } from '../table.js';
import { WALK, WALK_WITHOUT_DEDUPE } from './walk.js';

export interface StageRequest {
  readonly of: 'time' | 'allocation';
  readonly events: number;
  /** Names of the stages to measure; all by default. */
  readonly only?: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
}

/** By the name of the stage, one a round. */
export type StageFigures = Record<string, number[]>;

const EVENTS = 1_000;
const SIZES = [10, 100, 1_000, 20_000];
const WALKS = [WALK, WALK_WITHOUT_DEDUPE];

// So much room for new objects, in MB.
const ROOMY = ['--min-semi-space-size=256', '--max-semi-space-size=256'];

/** What each part of the walk takes, in a process without HTTP. */
export async function stagesSection({
  rounds,
  seconds,
}: Effort): Promise<void> {
  const effort = { rounds, seconds: seconds / 3 };
  const times = await ask({ of: 'time', events: EVENTS, ...effort });
  const allocations = await ask({
    of: 'allocation',
    events: EVENTS,
    rounds: 1,
    seconds,
  });
  say('### Stages, without HTTP\n');
  say(`Arrays of ${figure(EVENTS)} events.\n`);
  sayTable(
    ['', 'µs a call', 'µs an event', 'bytes allocated an event'],
    Object.entries(times).map(([name, figures]) => [
      name,
      figure(median(figures)),
      figure(median(figures) / EVENTS),
      figure(Math.max(0, median(allocations[name]!)) / EVENTS),
    ]),
  );

  const bySize = new Map<number, StageFigures>();
  for (const events of SIZES) {
    bySize.set(
      events,
      await ask({ of: 'time', events, only: WALKS, ...effort }),
    );
  }
  tellCosts(bySize);
}

function tellCosts(bySize: ReadonlyMap<number, StageFigures>): void {
  const costs = (name: string) =>
    [...bySize].map(([events, figures]) => median(figures[name]!) / events);
  say('### Cost of an event, without HTTP\n');
  say('In µs.\n');
  sayTable(
    ['', ...SIZES.map(size => `of ${figure(size)}`)],
    WALKS.map(name => [name, ...costs(name).map(figure)]),
  );
  sayGoals(
    WALKS.map(name => ({
      what: `cost of an event from arrays of 10 to 20,000, most to least: ${name}`,
      measured: Math.max(...costs(name)) / Math.min(...costs(name)),
      atMost: 1.3,
    })),
  );
}

async function ask(request: StageRequest): Promise<StageFigures> {
  const path = fileURLToPath(new URL('stages.process.js', import.meta.url));
  const options =
    request.of === 'allocation' ? ['--expose-gc', ...ROOMY] : ['--expose-gc'];
  const child = fork(path, [JSON.stringify(request)], pinnedFork(options));
  const [figures] = (await once(child, 'message')) as [StageFigures];
  return figures;
}
