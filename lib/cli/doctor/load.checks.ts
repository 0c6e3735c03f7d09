import { OK, type DoctorCheck } from './doctor.check.js';
import { formatMs } from './format-ms.js';
import { calls, taken } from './taken.check.js';

/** Characters of a long event. */
const LONG = 5_000;

const CALLS_AT_ONCE = 10;

/** Xenioo's own time-out is not documented. */
const LONGEST_ANSWER_MS = 2_000;

const GROUPED =
  'The documentation also says that events are “grouped and sent once about every 30 minutes”. What a busy bot gathers in that time comes in one call.';

const TAKE_GROUPS =
  'Take groups of this size, and handle them after the answer. Where the connection is closed in the middle of the body, a limit of its size is the likely reason.';

const slowest: DoctorCheck = {
  id: 'slowest',
  title: 'every answer within 2 s',
  examine({ slowest }) {
    if (!slowest) return OK;
    const { latencyMs, title } = slowest;
    if (latencyMs <= LONGEST_ANSWER_MS) {
      return {
        severity: 'ok',
        note: `the slowest took ${formatMs(latencyMs)}`,
      };
    }
    return {
      severity: 'finding',
      expected: formatMs(LONGEST_ANSWER_MS),
      got: `${formatMs(latencyMs)}: ${title}`,
      why: 'How long Xenioo waits is not documented. If it gives up before the answer, the call has failed.',
      mend: 'Answer first and work afterwards: keep the events (a queue, a table), answer 200, and let something else handle them.',
    };
  },
};

const keepAlive: DoctorCheck = {
  id: 'keep-alive',
  title: 'a second call on the same connection',
  async examine(patient) {
    await patient.send(patient.entries.message());
    const second = await patient.send(patient.entries.message());
    if (second.reusedConnection) return OK;
    return {
      severity: 'remark',
      expected: 'the connection stays open',
      got: 'a connection for each call',
      why: 'It costs time only: over https, some round trips for each event.',
      mend: 'Let the server or the proxy before it keep connections (Node.js does unless told otherwise: server.keepAliveTimeout).',
    };
  },
};

/** What comes with many users. */
export const LOAD_CHECKS: readonly DoctorCheck[] = [
  taken(
    'group-100kb',
    'a group of over 100 KB (30 events)',
    calls(entries => entries.group(30, LONG)),
    {
      why: `${GROUPED} 100 KB is where Express stops unless told otherwise.`,
      mend: TAKE_GROUPS,
      alike: ['array', 'variables'],
    },
  ),
  taken(
    'group-5mb',
    'a group of 5 MB (1,000 events)',
    calls(entries => entries.group(1_000, LONG)),
    {
      why: GROUPED,
      mend: TAKE_GROUPS,
      alike: ['array', 'variables', 'group-100kb'],
    },
  ),
  taken(
    'twice',
    'the same event twice',
    async patient => {
      const entry = patient.entries.message();
      return [await patient.send(entry), await patient.send(entry)];
    },
    {
      why: 'Whether Xenioo makes a call again that failed or took long is not documented. If it does, the second one must not fail over what the first one saved.',
      mend: 'Answer 200 to what is known already: insert only what is not there (ON CONFLICT DO NOTHING), or keep the ids of what came.',
    },
  ),
  taken(
    'at-once',
    `${CALLS_AT_ONCE} calls at once`,
    patient =>
      Promise.all(
        Array.from({ length: CALLS_AT_ONCE }, () =>
          patient.send(patient.entries.message()),
        ),
      ),
    {
      why: 'Each event can be a call of its own, and people write at the same time.',
      mend: 'Look at what the calls share: connections to a database, locks, limits of a proxy.',
    },
  ),
  slowest,
  keepAlive,
];
