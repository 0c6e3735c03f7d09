import { BullModule } from '@nestjs/bullmq';
import { Module, type ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { expect, inject, it, onTestFinished } from 'vitest';
import { bullmqInbox } from '../../../lib/bullmq/bullmq-inbox.js';
import { BullmqInbox } from '../../../lib/bullmq/bullmq.inbox.js';
import type { XeniooInboxProvider } from '../../../lib/inbox/xenioo.inbox-provider.js';
import { XeniooInbox } from '../../../lib/inbox/xenioo.inbox.js';
import { datedEvent } from '../../../lib/testing/inbox-bench.js';
import { XeniooOptionsError } from '../../../lib/xenioo.errors.js';
import { XeniooModule } from '../../../lib/xenioo.module.js';
import { describeEngine } from '../../support/engines/describe-engine.js';
import { LogRecorder } from '../../support/log-recorder.js';

type Imports = NonNullable<ModuleMetadata['imports']>;

const aQueue = () => `unit-${randomUUID()}`;

/** Where Redis is, as options. */
function whereRedisIs() {
  const { hostname: host, port } = new URL(inject('redisUrl'));
  return { host, port: Number(port) };
}

/** The inbox of an application with this option, and these modules beside. */
async function inboxOf(
  inbox: XeniooInboxProvider,
  { beside = [], inside = [] }: { beside?: Imports; inside?: Imports } = {},
): Promise<XeniooInbox> {
  const app = await Test.createTestingModule({
    imports: [
      ...beside,
      XeniooModule.forRootAsync({
        imports: inside,
        useFactory: () => ({ secret: 'right-secret', concurrency: 7 }),
        inbox,
      }),
    ],
  })
    .setLogger(new LogRecorder())
    .compile();
  onTestFinished(() => app.close());
  await app.init();
  return app.get(XeniooInbox, { strict: false });
}

/** The keys of a queue. */
async function keysOf(prefix: string, queue: string): Promise<string[]> {
  const client = new Redis(inject('redisUrl'));
  onTestFinished(() => client.disconnect());
  return client.keys(`${prefix}:${queue}:*`);
}

@Module({
  providers: [{ provide: 'WHERE', useFactory: () => inject('redisUrl') }],
  exports: ['WHERE'],
})
class WhereModule {}

describeEngine('redis', 'the option `inbox`', () => {
  it('is an inbox on the connection that is given', async () => {
    const queue = aQueue();

    const inbox = await inboxOf(
      bullmqInbox({
        connection: inject('redisUrl'),
        queue,
        prefix: 'unit',
        worker: false,
      }),
    );
    await inbox.accept({ entries: [datedEvent()] });

    expect(inbox).toBeInstanceOf(BullmqInbox);
    expect(inbox.place).toBe(
      `Redis at ${new URL(inject('redisUrl')).host}, queue ${queue}, prefix unit`,
    );
    expect(await keysOf('unit', queue)).not.toEqual([]);
  });

  it('may be made by a factory, given what is injected', async () => {
    const queue = aQueue();

    const inbox = await inboxOf(
      bullmqInbox({
        inject: ['WHERE'],
        useFactory: async (connection: string) => ({ connection, queue }),
      }),
      { inside: [WhereModule] },
    );
    await inbox.accept({ entries: [datedEvent()] });

    expect(await keysOf('bull', queue)).not.toEqual([]);
  });

  it.each([
    [
      'forRoot()',
      () =>
        BullModule.forRoot({ connection: whereRedisIs(), prefix: 'shared' }),
    ],
    [
      'forRootAsync()',
      () =>
        BullModule.forRootAsync({
          useFactory: () => ({ connection: whereRedisIs(), prefix: 'shared' }),
        }),
    ],
  ])('takes connection and prefix of BullModule.%s', async (_, shared) => {
    const queue = aQueue();

    const inbox = await inboxOf(bullmqInbox({ queue }), {
      beside: [shared()],
    });
    await inbox.accept({ entries: [datedEvent()] });

    expect(await keysOf('shared', queue)).not.toEqual([]);
  });

  it('takes its own before those of BullModule', async () => {
    const queue = aQueue();
    const nowhere = { host: '127.0.0.1', port: 1, lazyConnect: true };
    const shared = BullModule.forRoot({
      connection: nowhere,
      prefix: 'shared',
    });

    const inbox = await inboxOf(
      bullmqInbox({ queue, connection: inject('redisUrl'), prefix: 'unit' }),
      { beside: [shared] },
    );
    await inbox.accept({ entries: [datedEvent()] });

    expect(await keysOf('unit', queue)).not.toEqual([]);
    expect(await keysOf('shared', queue)).toEqual([]);
  });

  it('stops the boot where no connection is given, and says what to do', async () => {
    await expect(inboxOf(bullmqInbox())).rejects.toEqual(
      new XeniooOptionsError([
        'expected `connection` of bullmqInbox(): a URL as redis://… or postgres://…, or options; or import BullModule.forRoot({ connection })',
      ]),
    );
  });

  it('stops the boot where a factory makes no options', async () => {
    const inbox = bullmqInbox({ useFactory: () => undefined as never });

    await expect(inboxOf(inbox)).rejects.toThrow(XeniooOptionsError);
  });
});

describeEngine('postgres', 'the option `inbox`', () => {
  it('is an inbox on PostgreSQL, by its URL', async () => {
    const queue = aQueue();
    const url = inject('postgresUrl');

    const inbox = await inboxOf(bullmqInbox({ connection: url, queue }));
    await inbox.accept({ entries: [datedEvent()] });

    const { host, pathname } = new URL(url);
    expect(inbox.place).toBe(
      `PostgreSQL at ${host}${pathname}, queue ${queue}`,
    );
  });
});
