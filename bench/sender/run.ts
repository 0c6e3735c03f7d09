import { XeniooSender, xeniooTraffic } from 'nestjs-xenioo/testing';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SECRET } from '../body.js';
import { figure, say } from '../report.js';

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '30000' },
    concurrency: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '3' },
  },
});
const [calls, concurrency, rounds] = [
  Number(values.calls),
  Number(values.concurrency),
  Number(values.rounds),
];

const server = fork(fileURLToPath(new URL('server.js', import.meta.url)));
const [port] = (await once(server, 'message')) as [number];
const url = `http://127.0.0.1:${port}/`;

say(
  '| round | XeniooSender, calls/s | bare loop of node:http, calls/s | ratio |',
);
say('| --- | ---: | ---: | ---: |');
for (let round = 1; round <= rounds; round++) {
  const ours = await measureSender();
  const bare = await measureBare();
  say(
    `| ${round} | ${figure(Math.round(ours))} | ${figure(Math.round(bare))} | ${figure(ours / bare)} |`,
  );
}
server.kill();

async function measureSender(): Promise<number> {
  const sender = new XeniooSender({ url, secret: SECRET });
  const report = await sender.send(firstOf(calls), { concurrency });
  sender.close();
  if (report.failed > 0) throw new Error(`${report.failed} calls failed`);
  return report.callsPerSecond;
}

/** Sends the same number of calls with one entry that is made once. */
async function measureBare(): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  const body = JSON.stringify([...firstOf(1)][0]);
  let left = calls;
  const startedAt = performance.now();
  const work = async () => {
    while (left-- > 0) await post(agent, body);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  agent.destroy();
  return calls / ((performance.now() - startedAt) / 1_000);
}

function post(agent: Agent, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${SECRET}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    request(url, { method: 'POST', agent, headers })
      .on('error', reject)
      .on('response', response => response.resume().on('end', resolve))
      .end(body);
  });
}

function* firstOf(count: number) {
  const traffic = xeniooTraffic({ endless: true });
  for (let index = 0; index < count; index++) yield traffic.next().value!;
}
