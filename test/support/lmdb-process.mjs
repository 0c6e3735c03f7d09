// Runs an LMDB inbox in a process that tests may kill. Needs `npm run build`.
import { Logger } from '@nestjs/common';
import { LmdbInbox } from 'nestjs-xenioo/lmdb';

/** @type {{ path: string, isHanging: boolean, acceptTimeoutMs: number }} */
const { path, isHanging, acceptTimeoutMs } = JSON.parse(process.argv[2]);

Logger.overrideLogger({
  log() {},
  warn: text => process.send({ logged: String(text) }),
  error: text => process.send({ logged: String(text) }),
});

const inbox = await LmdbInbox.open(
  { path, deadLetterRetentionDays: 90 },
  {
    concurrency: 8,
    dedupe: { ttlSeconds: 3_600, maxIds: 10_000 },
    acceptTimeoutMs,
  },
);
await inbox.start({
  async run({ entry }) {
    const name = entry.raw.Data;
    process.send({ handled: name });
    if (name.startsWith('deadly')) void Promise.reject(new Error('unhandled'));
    if (isHanging) await new Promise(() => {});
    return [{ handler: 'Crm.save', status: 'done', attempts: 1 }];
  },
  announce: async () => {},
  reportDuplicates() {},
});

const COMMANDS = {
  accept: entries =>
    inbox.accept({ bot: 'default', receivedAt: new Date(), entries }),
  idle: () => inbox.idle(),
  letters: async () => {
    const letters = await inbox.deadLetters.list();
    return letters.map(({ entry, ...letter }) => ({
      ...letter,
      name: entry.raw.Data,
    }));
  },
  stop: () => inbox.stop(2_000),
};

process.on('message', async ({ number, command, entries }) => {
  try {
    process.send({ number, result: await COMMANDS[command](entries) });
  } catch (error) {
    process.send({ number, error: String(error) });
  }
  if (command === 'stop') process.disconnect();
});
// The parent process is gone.
process.on('disconnect', () => process.exit());
process.send({ isUp: true });
