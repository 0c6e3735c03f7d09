import { Body } from '../body.js';
import { bytesFigure, figure, medians, say, sayTable } from '../report.js';
import {
  ADAPTERS,
  BARE,
  contestantsOn,
  nameOf,
  type Contestant,
} from './contestant.js';
import type { Figures } from './goals.js';
import { post } from './post.js';
import { Server } from './server.js';
import type { Effort } from './side-by-side.js';

const EVENTS = 20_000;
const WARM_UPS = 20;

interface Pushed {
  readonly peakBytes: number;
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
  readonly answerMs: number;
}

/** Measures the effect of one large call on the event loop and on memory, in fresh processes. */
export async function pushSection({ rounds }: Effort): Promise<Figures> {
  const [express, fastify] = ADAPTERS.map(adapter =>
    contestantsOn(adapter, 'realistic'),
  );
  const contestants: readonly Contestant[] = [
    BARE,
    ...[express!, fastify!].flatMap(({ byHand, ours }) => [byHand, ours]),
  ];
  const all = new Map<Contestant, Pushed[]>(
    contestants.map(each => [each, []]),
  );
  for (let round = 0; round < rounds; round++) {
    for (const [contestant, pushes] of all) {
      pushes.push(await push(contestant));
    }
  }
  const results = new Map(
    [...all].map(([contestant, pushes]) => [contestant, medians(pushes)]),
  );
  sayPushes(results);
  return {
    pushExpress: results.get(express!.ours)!.delayP99Ms,
    pushFastify: results.get(fastify!.ours)!.delayP99Ms,
  };
}

function sayPushes(results: ReadonlyMap<Contestant, Pushed>): void {
  const bodyBytes = new Body(EVENTS).bytes.length;
  say(`### One push of ${figure(EVENTS)} events\n`);
  say(
    `The body has ${bytesFigure(bodyBytes)}; handlers as in the realistic scenario. The peak is the growth of resident memory. Delays of the event loop include the 1 ms between two samples.\n`,
  );
  sayTable(
    [
      '',
      'loop delay p99, ms',
      'longest, ms',
      'peak of memory, in bodies',
      'answer, ms',
    ],
    [...results].map(([contestant, pushed]) => [
      nameOf(contestant),
      figure(pushed.delayP99Ms),
      figure(pushed.delayMaxMs),
      figure(pushed.peakBytes / bodyBytes),
      figure(pushed.answerMs),
    ]),
  );
}

/** Pushes to a process that has received small calls, but no large one. */
async function push(contestant: Contestant): Promise<Pushed> {
  const server = await Server.start(contestant);
  const { many } = server.urls;
  const small = new Body(100);
  for (let times = 0; times < WARM_UPS; times++)
    await post(many, small.renew());
  const body = new Body(EVENTS).renew();
  const { rssBytes } = await server.ask('watch');
  const startedAt = performance.now();
  await post(many, body);
  const answerMs = performance.now() - startedAt;
  const { peakRssBytes, delayP99Ms, delayMaxMs } = await server.ask();
  await server.stop();
  return {
    peakBytes: peakRssBytes - rssBytes,
    delayP99Ms,
    delayMaxMs,
    answerMs,
  };
}
