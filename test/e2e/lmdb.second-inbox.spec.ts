import { describe, expect, inject, it, onTestFinished } from 'vitest';
import {
  XeniooDeadLetters,
  XeniooModule,
  XeniooProcessing,
} from '../../lib/index.js';
import { lmdbInbox } from '../../lib/lmdb/index.js';
import { postgresInbox } from '../../lib/postgres/index.js';
import { deliver } from '../../lib/testing/index.js';
import { Alarm, Crm, Desk, PATH } from '../support/delivery-host.js';
import { describeEngine } from '../support/engines/describe-engine.js';
import { startHost } from '../support/host-app.js';
import { inboxPath } from '../support/lmdb-folder.js';
import { message } from '../support/messages.js';
import { postgresSchema } from '../support/postgres-schema.js';

const providers = [Crm, Desk, Alarm];

describeEngine('postgres', 'an application that changes its inbox', () => {
  describe.each(['express', 'fastify'] as const)('on %s', adapter => {
    it('handles the events left in the old inbox, and replays its dead letters', async () => {
      const path = await inboxPath();
      const secret = 'right-secret';
      const before = await startHost(adapter, {
        imports: [
          XeniooModule.forRoot({
            secret,
            inbox: lmdbInbox({ path }),
            retry: false,
          }),
        ],
        providers,
      });
      before.app.get(Crm).work = () => {
        throw new Error('CRM is down');
      };
      await deliver(before.app, message('failed'));
      await before.idle();
      await before.app.get(XeniooProcessing, { strict: false }).pause();
      await deliver(before.app, message('pending'));
      await before.app.close();

      const { schema, remove } = postgresSchema();
      onTestFinished(remove);
      const connection = inject('postgresUrl');
      const { app } = await startHost(adapter, {
        imports: [
          XeniooModule.forRoot({
            secret,
            inbox: postgresInbox({ connection, schema }),
          }),
          // Handles the events left in the old inbox. Xenioo does not call this path.
          XeniooModule.forRoot({
            secret,
            path: 'xenioo/old-inbox',
            inbox: lmdbInbox({ path }),
          }),
        ],
        providers,
      });
      const { saved } = app.get(Crm);
      await deliver(app, message('new'), { path: PATH });
      const letters = app.get(XeniooDeadLetters, { strict: false });
      const processing = app.get(XeniooProcessing, { strict: false });

      await expect.poll(() => saved.toSorted()).toEqual(['new', 'pending']);
      expect(await letters.replayAll()).toBe(1);
      await expect
        .poll(() => saved.toSorted())
        .toEqual(['failed', 'new', 'pending']);
      await expect
        .poll(() => processing.stats())
        .toMatchObject({ pending: 0, retries: 0, deadLetters: 0 });
    });
  });
});
