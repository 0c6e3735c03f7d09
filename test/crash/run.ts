import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { crash } from './crash.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    callers: { type: 'string', default: '16' },
    processes: { type: 'string', default: '1,2' },
  },
});
const server = fileURLToPath(new URL('server.js', import.meta.url));
let hasFailed = false;

for (const processes of values.processes.split(',').map(Number)) {
  for (const adapter of ['express', 'fastify'] as const) {
    say(`${processes} processes on ${adapter}`);
    const report = await crash({
      kills: Number(values.kills),
      callers: Number(values.callers),
      processes,
      adapter,
      server,
      random: Math.random,
      onKill: (kills, told) => {
        if (kills % 10 === 0) say(`  ${kills} kills: ${told}`);
      },
    });
    const { answered, lost, repeated, repeatedWithoutReason, refused } = report;
    say(
      `  ${answered} events answered 200: ${lost.length} runs of handlers lost, ${repeated} repeated, of which ${repeatedWithoutReason.length} were on record; ${refused.length} calls refused`,
    );
    for (const run of [...lost, ...repeatedWithoutReason].slice(0, 10)) {
      say(`  ${run}`);
    }
    hasFailed ||= lost.length + repeatedWithoutReason.length > 0;
  }
}
process.exitCode = hasFailed ? 1 : 0;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
