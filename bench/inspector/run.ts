import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../test/support/chromium.js';
import { bytesFigure, figure, say, sayTable } from '../report.js';
import type { Contestant } from '../speed/contestant.js';
import { measureLoad, type Load } from '../speed/load.js';
import { isPinned, pinLoad } from '../speed/pinning.js';
import { Server } from '../speed/server.js';
import { measureSideBySide, type SideBySide } from '../speed/side-by-side.js';

const BROWSERS = 3;

const WITHOUT: Contestant = {
  app: 'ours',
  adapter: 'express',
  handlers: 'realistic',
};
const WITH: Contestant = { ...WITHOUT, inspector: true };

const PACED: Load = { events: 1, connections: 32, callsPerSecond: 2_000 };
const FULL: Load = { events: 1, connections: 32 };

/** Events after which dedupe remembers as many ids as it ever does. */
const WARM_UP_EVENTS = 120_000;

/** Growth of memory that still counts as flat. */
const FLAT_BYTES = 8 * 2 ** 20;

type Figure = 'callsPerSecond' | 'medianMs' | 'p99Ms' | 'cpuMsPerCall';

const TITLES: Readonly<Record<Figure, string>> = {
  callsPerSecond: 'events per second',
  medianMs: 'median of the answer times, ms',
  p99Ms: '99th percentile of the answer times, ms',
  cpuMsPerCall: 'CPU time of the server for an event, ms',
};

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    events: { type: 'string', default: '200000' },
  },
});
const effort = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
};

pinLoad();
const cores = isPinned
  ? 'The servers run on one core, the load generator and the browsers on another'
  : 'All share the cores, because `taskset` or a second core is missing';
say(
  `Node.js ${process.version}. ${cores}. Load of the machine before the run: ${loadavg()[0]!.toFixed(1)}. ${BROWSERS} browsers show the live events of the server with the inspector. Medians of ${effort.rounds} rounds; a round measures one server after the other for ${effort.seconds} s each. Every handler counts its events: a wrong count fails the run.\n`,
);
const browser = await launchChromium();
await measureSpeed(browser);
await measureMemory(browser);
await browser.close();

async function measureSpeed(browser: Browser): Promise<void> {
  let pages: Page[] = [];
  const results = await measureSideBySide(
    [WITHOUT, WITH],
    [PACED, FULL],
    effort,
    async ([, server]) => {
      pages = await openPages(browser, server!);
    },
  );
  sayRatios('2,000 single events a second', results, PACED, [
    'medianMs',
    'p99Ms',
    'cpuMsPerCall',
  ]);
  sayRatios('single events as fast as they are answered', results, FULL, [
    'callsPerSecond',
    'medianMs',
    'p99Ms',
    'cpuMsPerCall',
  ]);
  for (const page of pages) await page.close();
}

function sayRatios(
  title: string,
  results: SideBySide,
  load: Load,
  names: readonly Figure[],
): void {
  sayTable(
    [title, 'without', 'with', 'ratio'],
    names.map(name => [
      TITLES[name],
      figure(results.median(WITHOUT, load, name)),
      figure(results.median(WITH, load, name)),
      figure(results.medianRatio(WITH, WITHOUT, load, name)),
    ]),
  );
}

/** Sends events at the same pace, and compares the memory before and after. */
async function measureMemory(browser: Browser): Promise<void> {
  const server = await Server.start(WITH);
  const arrays = { events: 100, connections: 8 };
  await measureLoad(server, arrays, WARM_UP_EVENTS / arrays.events);
  const pages = await openPages(browser, server);
  const events = Number(values.events);
  // Its answer comes after a collection of garbage.
  const before = await server.ask('watch');
  const { callsPerSecond } = await measureLoad(server, PACED, events);
  const after = await server.ask('watch');
  const isFlat = after.heapBytes - before.heapBytes <= FLAT_BYTES;
  say(
    `${figure(events)} events at ${figure(Math.round(callsPerSecond))} a second: ${bytesFigure(before.heapBytes)} of heap before, ${bytesFigure(after.heapBytes)} after: ${isFlat ? 'flat' : 'NOT FLAT'}`,
  );
  for (const page of pages) {
    say(
      `A browser shows ${await page.locator('.bar [role=status]').textContent()}.`,
    );
    await page.close();
  }
  await server.stop();
  if (!isFlat) process.exitCode = 1;
}

/** Opens the live events of a server in windows of their own. */
async function openPages(browser: Browser, server: Server): Promise<Page[]> {
  return Promise.all(
    Array.from({ length: BROWSERS }, async () => {
      const page = await browser.newPage();
      await page.goto(new URL('inspector/#live', server.urls.one).href);
      await page.getByText('Connected').waitFor();
      return page;
    }),
  );
}
