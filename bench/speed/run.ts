import { parseArgs } from 'node:util';
import { say } from '../scaling/report.js';
import { bootSection } from './boot/boot.section.js';
import { isPinned, pinLoad } from './pinning.js';
import { pushSection } from './push/push.section.js';
import { speedSection, type Effort } from './speed.section.js';
import { stagesSection } from './stages/stages.section.js';

const SECTIONS: Record<string, (effort: Effort) => Promise<void>> = {
  speed: speedSection,
  stages: stagesSection,
  boot: ({ rounds }) => bootSection(rounds),
  push: ({ rounds }) => pushSection(rounds),
};

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '0.4' },
    only: { type: 'string', multiple: true, default: Object.keys(SECTIONS) },
  },
});
const effort = {
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
};
const unknown = values.only.find(name => !(name in SECTIONS));
if (unknown !== undefined || !(effort.rounds >= 1) || !(effort.seconds > 0)) {
  throw new Error(
    `Usage: npm run bench -- [--rounds 3] [--seconds 0.4] [--only ${Object.keys(SECTIONS).join(' --only ')}]`,
  );
}

pinLoad();
const cores = isPinned
  ? 'Servers run on one core, the load generator on another'
  : 'Servers and the load generator share the cores: `taskset`, or a second core, is not there';
say(
  `Node.js ${process.version}. ${cores}; medians of rounds (${effort.rounds}, of ${effort.seconds} s each), one server after the other in each. Every event is one that never came before: the load generator (autocannon) has the bytes of its calls made beforehand, and changes nothing but digits of each event's date, in place. Every handler counts its events, and the count must be right.\n`,
);
for (const name of values.only) await SECTIONS[name]!(effort);
