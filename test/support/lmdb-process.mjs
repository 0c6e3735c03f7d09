// A process with an LMDB inbox, for tests that end it. Needs `npm run build`.
import { Logger } from '@nestjs/common';
import { LmdbInbox } from 'nestjs-xenioo/lmdb';

/** @type {{ path: string, isHanging: boolean }} */
const { path, isHanging } = JSON.parse(process.argv[2]);

Logger.overrideLogger({
  log() {},
  warn: text => process.send({ logged: String(text) }),
  error: text => process.send({ logged: String(text) }),
});

const inbox = await LmdbInbox.open(
  { path, keepDeadLettersDays: 90 },
  {
    concurrency: 8,
    dedupe: { ttlSeconds: 3_600, maxIds: 10_000 },
    acceptTimeoutMs: 5_000,
  },
);
const settlement = {
  progress: { attempted: true, done: [], failed: [] },
  failures: [],
  announce: async () => {},
};
await inbox.start(async ({ raw }) => {
  process.send({ handled: raw.Data });
  if (isHanging) await new Promise(() => {});
  return settlement;
});

const ORDERS = {
  accept: entries => inbox.accept({ entries }),
  idle: () => inbox.idle(),
  stop: () => inbox.stop(2_000),
};

process.on('message', async ({ number, order, entries }) => {
  try {
    await ORDERS[order](entries);
    process.send({ number });
  } catch (error) {
    process.send({ number, error: String(error) });
  }
  if (order === 'stop') process.disconnect();
});
// Whoever has started it is gone.
process.on('disconnect', () => process.exit());
process.send({ isUp: true });
