import 'reflect-metadata';
import { median } from '../../scaling/report.js';
import { closeApps, createStages, type Stage } from './stages.js';
import type { StageRequest, StageFigures } from './stages.section.js';

const request = JSON.parse(process.argv[2]!) as StageRequest;
const stages = (await createStages(request.events)).filter(
  ({ name }) => request.only?.includes(name) ?? true,
);
const WARM_UP_SECONDS = 0.5;
const figures: StageFigures = {};
const measure = request.of === 'time' ? timeOf : allocationOf;
// What is measured should be compiled by then.
for (const stage of stages) await measure(stage, WARM_UP_SECONDS);
for (let round = 0; round < request.rounds; round++) {
  for (const stage of stages) {
    (figures[stage.name] ??= []).push(await measure(stage));
  }
}
await closeApps();
process.send!(figures);
process.disconnect();

/** In µs a call. What prepares it is not measured. */
async function timeOf(
  stage: Stage,
  seconds = request.seconds,
): Promise<number> {
  const times: number[] = [];
  const ends = performance.now() + seconds * 1_000;
  while (performance.now() < ends || times.length < 1) {
    const given = stage.prepare();
    const startedAt = performance.now();
    await stage.run(given);
    times.push(performance.now() - startedAt);
  }
  return average(times) * 1_000;
}

/** In bytes a call. New objects have room enough here that none is collected in between; it is known to a page of 256 KB. */
async function allocationOf(stage: Stage): Promise<number> {
  const sizes: number[] = [];
  for (let times = 0; times < 5; times++) {
    const given = stage.prepare();
    globalThis.gc!();
    const before = process.memoryUsage().heapUsed;
    await stage.run(given);
    sizes.push(process.memoryUsage().heapUsed - before);
  }
  return median(sizes);
}

/** With what the garbage collector takes now and then: it is part of the cost. */
function average(figures: readonly number[]): number {
  return figures.reduce((sum, each) => sum + each, 0) / figures.length;
}
