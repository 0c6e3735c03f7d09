import 'reflect-metadata';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { AdapterName } from './apps/adapters.js';
import { serveBare } from './apps/bare.js';
import { serveByHand } from './apps/by-hand.app.js';
import { serveOurs } from './apps/our.app.js';
import { servePlain } from './apps/plain.app.js';
import { peakMemory, resetPeakMemory } from './peak-memory.js';
import type { ServerKind, ServerQuestion } from './server.js';

const START = {
  bare: serveBare,
  plain: servePlain,
  'by-hand': serveByHand,
  ours: serveOurs,
  'ours-without-dedupe': (adapter: AdapterName) =>
    serveOurs(adapter, { dedupe: false }),
};

const [kind, adapter] = process.argv.slice(2) as [ServerKind, AdapterName];
const served = await START[kind](adapter);
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
  process.send!({
    handled: served.handled?.(),
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes: peakMemory(),
    delayP99Ms: delay.percentile(99) / 1e6,
    delayMaxMs: delay.max / 1e6,
  });
}
