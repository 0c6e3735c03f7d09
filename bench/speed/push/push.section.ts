import { median, say } from '../../scaling/report.js';
import { Body } from '../bodies.js';
import { sayGoals } from '../goals.js';
import { Server, type ServerKind } from '../server.js';
import type { Contestant } from '../speed.results.js';
import { bytesFigure, figure, sayTable } from '../table.js';
import { post } from './post.js';

const EVENTS = 20_000;
const WARM_UPS = 20;

interface Pushed {
  readonly peakBytes: number;
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
  readonly answerMs: number;
}

const NAMES: Partial<Record<ServerKind, string>> = {
  bare: 'bare `node:http` + `JSON.parse`',
  'by-hand': 'hand-written',
  ours: 'nestjs-xenioo',
};
const RUNNERS: readonly Contestant[] = [
  { kind: 'bare' },
  ...(['express', 'fastify'] as const).flatMap((adapter): Contestant[] => [
    { kind: 'by-hand', adapter },
    { kind: 'ours', adapter },
  ]),
];

/** What one large push takes of memory, and of the event loop, in fresh processes. */
export async function pushSection(rounds: number): Promise<void> {
  const results: Pushed[][] = RUNNERS.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, runner] of RUNNERS.entries()) {
      results[index]!.push(await push(runner));
    }
  }
  tell(results.map(medians));
}

function tell(results: readonly Pushed[]): void {
  const bodyBytes = new Body(EVENTS).bytes.length;
  say(`### One push of ${figure(EVENTS)} events\n`);
  say(
    `Its body has ${bytesFigure(bodyBytes)}. The peak is what resident memory grows by; the delay of the event loop has the 1 ms in it that a look at it takes.\n`,
  );
  sayTable(
    ['', 'peak', 'in bodies', 'loop p99, ms', 'loop max, ms', 'answer, ms'],
    RUNNERS.map((runner, index) => {
      const { peakBytes, delayP99Ms, delayMaxMs, answerMs } = results[index]!;
      const times = [delayP99Ms, delayMaxMs, answerMs].map(figure);
      const peak = bytesFigure(peakBytes);
      return [nameOf(runner), peak, figure(peakBytes / bodyBytes), ...times];
    }),
  );
  sayGoals(
    RUNNERS.flatMap((runner, index) => {
      if (runner.kind !== 'ours') return [];
      const { peakBytes, delayP99Ms } = results[index]!;
      return [
        {
          what: `${nameOf(runner)}: peak of memory, in bodies`,
          measured: peakBytes / bodyBytes,
          atMost: 12,
        },
        {
          what: `${nameOf(runner)}: p99 delay of the event loop`,
          measured: delayP99Ms,
          atMost: 20,
          unit: ' ms',
        },
      ];
    }),
  );
}

function nameOf({ kind, adapter }: Contestant): string {
  return adapter ? `${adapter}: ${NAMES[kind]}` : NAMES[kind]!;
}

/** Into a process that has seen small calls, and no large one. */
async function push({ kind, adapter }: Contestant): Promise<Pushed> {
  const server = await Server.start(kind, adapter ?? 'express');
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

function medians(rounds: readonly Pushed[]): Pushed {
  const of = (name: keyof Pushed) => median(rounds.map(each => each[name]));
  return {
    peakBytes: of('peakBytes'),
    delayP99Ms: of('delayP99Ms'),
    delayMaxMs: of('delayMaxMs'),
    answerMs: of('answerMs'),
  };
}
