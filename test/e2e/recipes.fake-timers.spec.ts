import { Injectable, Module, type INestApplication } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OnXenioo, XeniooEventType, XeniooModule } from '../../lib/index.js';
import { deliver, dispatched, xeniooEntry } from '../../lib/testing/index.js';
import { ADAPTERS, startHost, type AdapterName } from '../support/host-app.js';

// The examples of docs/testing.md are the tests of this file.

@Injectable()
class Crm {
  hasStarted = () => {};
  readonly started = new Promise<void>(resolve => (this.hasStarted = resolve));

  @OnXenioo(XeniooEventType.UserMessage)
  async saveMessage() {
    throw new Error('the CRM is down');
  }

  @OnXenioo(XeniooEventType.TakeOver, { retry: false })
  async hang() {
    this.hasStarted();
    await new Promise(() => {});
  }
}

@Module({
  imports: [
    XeniooModule.forRoot({
      secret: 'secret-of-the-bot',
      retry: { attempts: 3 },
      shutdownTimeoutMs: 100,
    }),
  ],
  providers: [Crm],
})
class AppModule {}

const LISTED = ['setTimeout', 'clearTimeout', 'Date', 'performance'] as const;

describe.each(Object.keys(ADAPTERS) as AdapterName[])('on %s', adapter => {
  let app: INestApplication;
  beforeEach(async () => {
    ({ app } = await startHost(adapter, { imports: [AppModule] }));
  });
  afterEach(() => void vi.useRealTimers());

  it('retries a handler without waiting for its delays', async () => {
    vi.useFakeTimers();

    await deliver(app, xeniooEntry.userMessage());
    await vi.advanceTimersByTimeAsync(10_000);

    const attempts = dispatched(app, 'Crm.saveMessage');
    expect(attempts.map(({ status }) => status)).toEqual([
      'retry',
      'retry',
      'failed',
    ]);
  });

  it('retries under the fake timers that are listed', async () => {
    vi.useFakeTimers({ toFake: [...LISTED] });

    await deliver(app, xeniooEntry.userMessage());
    await vi.advanceTimersByTimeAsync(10_000);

    expect(dispatched(app, 'Crm.saveMessage')).toHaveLength(3);
  });

  it('times out a handler without waiting', async () => {
    vi.useFakeTimers();
    const delivered = deliver(app, xeniooEntry.takeOver());
    await app.get(Crm, { strict: false }).started;

    // The answer waits for the handler, up to `acknowledgeWithinMs`.
    await vi.advanceTimersByTimeAsync(1_500);
    await delivered;
    // The handler may take `handlerTimeoutMs`.
    await vi.advanceTimersByTimeAsync(30_000);

    const [attempt] = dispatched(app, 'Crm.hang');
    expect(attempt).toMatchObject({ status: 'failed' });
  });
});
