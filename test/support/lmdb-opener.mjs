// Opens LMDB inboxes for tests, in a process that lmdb may crash. Needs `npm run build`.
import { Logger } from '@nestjs/common';
import { LmdbInbox } from 'nestjs-xenioo/lmdb';

Logger.overrideLogger(false);

process.on('message', async ({ path, uid }) => {
  try {
    if (uid !== undefined) process.setuid(uid);
    const inbox = await LmdbInbox.open(
      { path, deadLetterRetentionDays: 90 },
      { concurrency: 8, dedupe: false, acceptTimeoutMs: 5_000 },
    );
    await inbox.stop(1_000);
    process.send({ outcome: 'opened' });
  } catch (error) {
    process.send({ outcome: `${error.name}: ${error.message}` });
  }
});
process.on('disconnect', () => process.exit());
