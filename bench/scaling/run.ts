import { parseArgs } from 'node:util';
import { measureAccepting } from './accepting.js';
import { PLACES } from './places.js';
import { measureReceiving, measureWorking } from './processes.js';
import { say } from './report.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    events: { type: 'string', default: '20000' },
    only: { type: 'string', multiple: true, default: Object.keys(PLACES) },
  },
});
const rounds = Number(values.rounds);

const sections: {
  readonly head: string[];
  readonly measure: (
    place: Awaited<ReturnType<(typeof PLACES)[string]>>,
  ) => Promise<void>;
}[] = [
  {
    head: [
      '| engine | accepted in one process | events/s | bare BullMQ | ratio |',
      '| --- | --- | --- | --- | --- |',
    ],
    measure: place => measureAccepting(place, rounds),
  },
  {
    head: [
      '| engine | received by one process over HTTP | events/s | p99 ms |',
      '| --- | --- | --- | --- |',
    ],
    measure: place => measureReceiving(place, rounds, Number(values.seconds)),
  },
  {
    head: ['| engine | workers | events/s |', '| --- | --- | --- |'],
    measure: place => measureWorking(place, Number(values.events)),
  },
];

for (const { head, measure } of sections) {
  for (const line of head) say(line);
  for (const name of values.only) {
    const place = await PLACES[name]!();
    try {
      await measure(place);
    } finally {
      await place.stop();
    }
  }
  say('');
}
