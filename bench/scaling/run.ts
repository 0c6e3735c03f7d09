import { parseArgs } from 'node:util';
import { say, sayTable } from '../report.js';
import { ENGINES } from './engines.js';
import { handlingRow, receivingRows } from './sections.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    events: { type: 'string', default: '20000' },
    only: { type: 'string', multiple: true, default: Object.keys(ENGINES) },
  },
});
const effort = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  events: Number(values.events),
};

const received: string[][] = [];
const backlog: string[][] = [];
const handled: string[][] = [];
for (const name of values.only) {
  const engine = await ENGINES[name]!();
  try {
    received.push(...(await receivingRows(engine, effort)));
    backlog.push(await handlingRow(engine, effort, true));
    handled.push(await handlingRow(engine, effort, false));
  } finally {
    await engine.stop();
  }
}
say('### Received by one process, events per second\n');
sayTable(
  ['', 'nestjs-xenioo', 'p99, ms', 'bare `node:http` + `addBulk()`', 'ratio'],
  received,
);
const workers = ['', '1 worker', '2 workers', '4 workers'];
say('### Handled, events per second: events received before\n');
sayTable(workers, backlog);
say('### Received and handled at the same time, events per second\n');
sayTable(workers, handled);
