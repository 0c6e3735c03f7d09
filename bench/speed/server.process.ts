import 'reflect-metadata';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { serveBare } from './apps/bare.js';
import { serveByHand } from './apps/by-hand.app.js';
import { serveOurs } from './apps/our.app.js';
import { servePlain } from './apps/plain.app.js';
import type { Contestant } from './contestant.js';
import { peakMemory, resetPeakMemory } from './peak-memory.js';
import type { ServerQuestion, ServerState } from './server.js';

const SERVE = {
  bare: serveBare,
  plain: servePlain,
  'by-hand': serveByHand,
  ours: serveOurs,
};

const contestant = JSON.parse(process.argv[2]!) as Contestant;
const served = await SERVE[contestant.app](contestant);
const delay = monitorEventLoopDelay({ resolution: 1 });

process.on('disconnect', () => process.exit());
process.on('message', (question: ServerQuestion) => void answer(question));
process.send!(served.urls);

async function answer(question: ServerQuestion): Promise<void> {
  await served.idle?.();
  if (question === 'watch') {
    for (let times = 0; times < 3; times++) globalThis.gc!();
    resetPeakMemory();
    delay.enable();
    delay.reset();
  }
  const handled = served.handled?.();
  const { user, system } = process.cpuUsage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const state: ServerState = {
    ...(handled !== undefined && { handled }),
    cpuMs: (user + system) / 1_000,
    heapBytes: heapUsed + arrayBuffers,
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes: peakMemory(),
    delayP99Ms: delay.percentile(99) / 1e6,
    delayMaxMs: delay.max / 1e6,
  };
  process.send!(state);
}
