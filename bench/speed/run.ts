import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { say } from '../report.js';
import { bootSection } from './boot.section.js';
import { bestCaseSection, realisticSection } from './compare.section.js';
import { flatnessSection } from './flatness.section.js';
import { sayGoals, type Figures } from './goals.js';
import { inboxesSection } from './inboxes.section.js';
import { isPinned, pinLoad } from './pinning.js';
import { pushSection } from './push.section.js';
import type { Effort } from './side-by-side.js';

const SECTIONS: Record<string, (effort: Effort) => Promise<Figures>> = {
  realistic: realisticSection,
  'best-case': bestCaseSection,
  flatness: flatnessSection,
  push: pushSection,
  inboxes: inboxesSection,
  boot: bootSection,
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
  : 'Servers and the load generator share the cores, because `taskset` or a second core is missing';
say(
  `Node.js ${process.version}. ${cores}. Load of the machine before the run: ${loadavg()[0]!.toFixed(1)}. Medians of ${effort.rounds} rounds; a round measures one server after the other for ${effort.seconds} s each. Every event has an id that never came before, and every handler counts its events: a wrong count fails the run.\n`,
);
const figures: Figures = {};
for (const name of values.only) {
  Object.assign(figures, await SECTIONS[name]!(effort));
}
sayGoals(figures);
