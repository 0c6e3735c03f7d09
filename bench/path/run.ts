import 'reflect-metadata';
import { Session } from 'node:inspector/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SECRET, startApp } from './app.js';

/** Prints the files, functions and calls of lib that one event passes through, from the call to the handler to 200. */
const adapter = process.argv[2] ?? 'express';
if (adapter !== 'express' && adapter !== 'fastify') {
  throw new Error(`expected express or fastify, got ${adapter}`);
}
const LIB = new URL('../../lib/', import.meta.url).href;
const WARM_UPS = 200;
/** Time in which the inbox records the result, after the answer. */
const RECORDED_WITHIN_MS = 50;

const app = await startApp(adapter);
const url = `${await app.getUrl()}/xenioo/webhook`;
let calls = 0;
for (let times = 0; times < WARM_UPS; times++) await post();

const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true });
await post();
await sleep(RECORDED_WITHIN_MS);
const { result } = await session.post('Profiler.takePreciseCoverage');
await app.close();

const files = result
  .filter(script => script.url.startsWith(LIB))
  .map(script => ({
    name: script.url.slice(LIB.length).replace(/\.js$/, '.ts'),
    functions: script.functions
      .map(({ functionName, ranges }) => ({
        name: functionName || '(anonymous)',
        calls: ranges[0]!.count,
      }))
      .filter(({ calls }) => calls > 0),
  }))
  .filter(({ functions }) => functions.length > 0)
  .toSorted((a, b) => (a.name < b.name ? -1 : 1));
const functions = files.flatMap(file => file.functions);
for (const file of files) {
  const names = file.functions.map(({ name, calls }) =>
    calls > 1 ? `${name}×${calls}` : name,
  );
  say(`${file.name}: ${names.join(', ')}`);
}
const sum = functions.reduce((total, each) => total + each.calls, 0);
say(
  `${files.length} files, ${functions.length} functions, ${sum} calls for one event on ${adapter}`,
);

async function post(): Promise<void> {
  const call = calls++;
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${SECRET}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      Type: 1,
      Data: 'Hello',
      Date: `2026-03-01T10:00:00.${1_000_000 + call}+00:00`,
      ConversationId: `c${call}`,
      UserName: 'Ada',
      Channel: 'WebChannel',
    }),
  });
  if (response.status !== 200) throw new Error(`answered ${response.status}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
