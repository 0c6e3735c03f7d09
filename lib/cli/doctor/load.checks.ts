import { formatMs } from '../format.js';
import { fixFor } from '../outcomes.js';
import { accepts, oneBody } from './accepts.check.js';
import { OK, type DoctorCheck } from './doctor.check.js';

/** Number of characters in a large event. */
const LARGE = 5_000;

const CALLS_AT_ONCE = 10;

/** Upper bound in milliseconds of an answer; the time-out of Xenioo is not documented. */
const MAX_LATENCY_MS = 2_000;

const GROUPED =
  'The documentation also says that events are “grouped and sent once about every 30 minutes”. All events of a busy bot in that time then come in one call.';

const ACCEPT_GROUPS =
  'Accept groups of this size, and handle them after the answer. A connection that closes in the middle of the body usually means a limit of its size.';

const slowest: DoctorCheck = {
  id: 'slowest',
  title: 'every answer within 2 s',
  async run(endpoint) {
    if (!endpoint.slowest) return OK;
    const { latencyMs, title } = endpoint.slowest;
    if (latencyMs <= MAX_LATENCY_MS) {
      const note = `the slowest took ${formatMs(latencyMs)}`;
      return { severity: 'ok', note };
    }
    return {
      severity: 'finding',
      expected: formatMs(MAX_LATENCY_MS),
      got: `${formatMs(latencyMs)}: ${title}`,
      why: 'If Xenioo gives up before the answer, the call has failed.',
      fix: fixFor('timeout'),
    };
  },
};

const keepAlive: DoctorCheck = {
  id: 'keep-alive',
  title: 'a second call on the same connection',
  async run(endpoint) {
    await endpoint.send(endpoint.entries.message());
    const second = await endpoint.send(endpoint.entries.message());
    if (second.reusedConnection) return OK;
    return {
      severity: 'warning',
      expected: 'the connection stays open',
      got: 'a new connection for each call',
      why: 'Each event costs additional round trips, over https several.',
      fix: 'Let the server, or the proxy in front of it, keep connections open (Node.js does by default: server.keepAliveTimeout).',
    };
  },
};

/** Checks of large, repeated and concurrent calls. */
export const LOAD_CHECKS: readonly DoctorCheck[] = [
  accepts(
    'group-100kb',
    'a group of over 100 KB (30 events)',
    oneBody(entries => entries.group(30, LARGE)),
    {
      why: `${GROUPED} 100 KB is the default limit of Express.`,
      fix: ACCEPT_GROUPS,
      related: ['array', 'variables'],
    },
  ),
  accepts(
    'group-5mb',
    'a group of 5 MB (1,000 events)',
    oneBody(entries => entries.group(1_000, LARGE)),
    {
      why: GROUPED,
      fix: ACCEPT_GROUPS,
      related: ['array', 'variables', 'group-100kb'],
    },
  ),
  accepts(
    'twice',
    'the same event twice',
    async endpoint => {
      const entry = endpoint.entries.message();
      return [await endpoint.send(entry), await endpoint.send(entry)];
    },
    {
      why: 'Xenioo does not document whether it repeats a call that failed or took long. If it does, the second one must not fail over what the first one saved.',
      fix: 'Answer 200 to a known event: insert only new ones (ON CONFLICT DO NOTHING), or keep the ids of those you have received.',
    },
  ),
  accepts(
    'at-once',
    `${CALLS_AT_ONCE} calls at once`,
    endpoint =>
      Promise.all(
        Array.from({ length: CALLS_AT_ONCE }, () =>
          endpoint.send(endpoint.entries.message()),
        ),
      ),
    {
      why: 'Each event can be a call of its own, and people write at the same time.',
      fix: 'Check what the calls share: database connections, locks, limits of a proxy.',
    },
  ),
  slowest,
  keepAlive,
];
