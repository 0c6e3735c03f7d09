import { expect, it, onTestFinished } from 'vitest';
import { XeniooInboxError } from '../../../lib/xenioo.errors.js';
import {
  BULLMQ_VERSIONS,
  BullmqHarness,
  datedEvent,
  deliveryOf,
  failed,
  retried,
  TestRunner,
  undatedEvent,
} from '../../support/bullmq-harness.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { startRedis } from '../../support/engines/redis-server.js';

/** Makes each script fail at the command that puts a job into the queue. Returns the connection of the inbox, and a function that ends it. */
type Breakage = (
  harness: BullmqHarness,
) => Promise<{ connection: string; repair: () => Promise<void> }>;

const BREAKAGES: [string, Breakage][] = [
  [
    'the key of the waiting jobs has another type',
    async ({ client, queue, url }) => {
      const key = queue.toKey('wait');
      await client.set(key, 'x');
      return {
        connection: url,
        repair: async () => {
          await client.del(key);
        },
      };
    },
  ],
  [
    'the user of Redis loses the right to push to lists',
    async ({ client, url }) => {
      await client.acl('SETUSER', 'app', '-lpush', '-rpush');
      return {
        connection: url.replace('://', '://app:pw@'),
        repair: async () => {
          await client.acl('SETUSER', 'app', '+lpush', '+rpush');
        },
      };
    },
  ],
];

for (const [version, libraries] of BULLMQ_VERSIONS) {
  describeEngine('redis', `BullmqInbox on ${version}`, () => {
    async function createHarness(): Promise<BullmqHarness> {
      const server = await startRedis();
      onTestFinished(() => server.stop());
      const harness = new BullmqHarness(libraries, server.url);
      const rights = ['on', '>pw', '~*', '&*', '+@all'];
      await harness.client.acl('SETUSER', 'app', ...rights);
      return harness;
    }

    it.each(BREAKAGES)(
      'refuses events while %s, and handles them once when they are sent again',
      async (_, breakQueue) => {
        const harness = await createHarness();
        const runner = new TestRunner();
        const url = harness.url.replace('://', '://app:pw@');
        const settings = { acceptTimeoutMs: 500 };
        const inbox = harness.open({ connection: url, settings });
        const earlier = datedEvent();
        await inbox.accept(deliveryOf([earlier]));
        await inbox.start(runner);
        await inbox.idle();
        await inbox.pause();
        const { repair } = await breakQueue(harness);
        const calls = [
          [datedEvent()],
          [datedEvent(), undatedEvent(), earlier],
        ].map(entries => deliveryOf(entries));

        for (const call of [...calls, ...calls]) {
          await expect(inbox.accept(call)).rejects.toThrow(XeniooInboxError);
        }
        await repair();
        for (const call of calls) await inbox.accept(call);
        await inbox.resume();
        await inbox.idle();

        const sent = calls.flatMap(({ entries }) => entries);
        expect(runner.ids.toSorted()).toEqual(
          sent.map(({ id }) => id).toSorted(),
        );
      },
    );

    it.each(BREAKAGES)(
      'accepts a waiting call and handles its events once when it fails at first because %s',
      async (_, breakQueue) => {
        const harness = await createHarness();
        const runner = new TestRunner();
        const { connection, repair } = await breakQueue(harness);
        const inbox = harness.open({ connection });
        const events = [datedEvent(), datedEvent()];

        const accepted = inbox.accept(deliveryOf(events));
        await expect.poll(() => harness.logs.ofXenioo('error')).toHaveLength(1);
        await repair();
        await accepted;
        await inbox.start(runner);
        await inbox.idle();

        expect(runner.ids).toEqual(events.map(({ id }) => id));
      },
    );

    it.each(['wait', 'delayed', 'failed', 'marker', 'events'])(
      'keeps retries and dead letters while the key `%s` has another type',
      async name => {
        const harness = await createHarness();
        const { client, queue } = harness;
        const key = queue.toKey(name);
        let isBroken = false;
        const runner = new TestRunner(async task => {
          if (task.handler === 'later') return [];
          if (task.handler === 'never') return [failed('never')];
          if (!isBroken) {
            isBroken = true;
            await client.del(key);
            await client.set(key, 'x');
          }
          return [retried('later', 50), failed('never')];
        });
        const inbox = await harness.start(runner, { lockDurationMs: 1_000 });
        const event = datedEvent();

        await inbox.accept(deliveryOf([event]));
        await expect
          .poll(() => harness.logs.ofXenioo('error'))
          .not.toHaveLength(0);
        await client.del(key);
        await inbox.idle();

        expect(runner.runs.map(({ handler }) => handler)).toContain('later');
        expect(await inbox.deadLetters.list()).toMatchObject([
          { handler: 'never', error: { message: 'never is broken' } },
        ]);
      },
    );

    it.each(BREAKAGES)(
      'keeps a dead letter whose replay fails because %s',
      async (_, breakQueue) => {
        const harness = await createHarness();
        const runner = new TestRunner(async ({ handler }) =>
          handler === undefined ? [failed('never')] : [],
        );
        const url = harness.url.replace('://', '://app:pw@');
        const inbox = await harness.start(runner, { connection: url });
        const event = datedEvent();
        await inbox.accept(deliveryOf([event]));
        await inbox.idle();
        const [letter] = await inbox.deadLetters.list();
        const task = { entry: event, handler: 'never', attempts: 0 };
        const { repair } = await breakQueue(harness);

        await expect(
          inbox.deadLetters.replay(letter!.id, [task]),
        ).rejects.toThrow(/WRONGTYPE|can't run this command/);
        expect(await inbox.deadLetters.list()).toEqual([letter]);
        await repair();
        await inbox.deadLetters.replay(letter!.id, [task]);
        await inbox.idle();

        expect(runner.runs.map(({ handler }) => handler)).toEqual([
          undefined,
          'never',
        ]);
        expect(await inbox.deadLetters.list()).toEqual([]);
      },
    );
  });
}
