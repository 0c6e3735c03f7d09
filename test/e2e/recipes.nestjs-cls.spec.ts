import { Injectable, Module } from '@nestjs/common';
import { ClsModule, ClsService } from 'nestjs-cls';
import { describe, expect, it } from 'vitest';
import {
  OnXenioo,
  XeniooEventType,
  XeniooModule,
  type UserMessageEvent,
} from '../../lib/index.js';
import { deliver, idle, xeniooEntry } from '../../lib/testing/index.js';
import { ContextPerEvent } from '../recipes/nestjs-cls.js';
import { ADAPTERS, startHost, type AdapterName } from '../support/host-app.js';

/** Stands for a logger that adds values from the context. */
@Injectable()
class Journal {
  readonly lines: unknown[] = [];

  constructor(private readonly cls: ClsService) {}

  write(text: string) {
    this.lines.push({ text, ...this.cls.get() });
  }
}

@Injectable()
class Crm {
  private readonly failed = new Set<string>();

  constructor(private readonly journal: Journal) {}

  @OnXenioo(XeniooEventType.UserMessage)
  async saveMessage({ id, text }: UserMessageEvent) {
    await new Promise(setImmediate);
    this.journal.write(`${text} of ${id}`);
    if (this.failed.has(id)) return;
    this.failed.add(id);
    throw new Error('try again');
  }
}

@Module({
  imports: [
    ClsModule.forRoot({ global: true, middleware: { mount: true } }),
    XeniooModule.forRoot({
      secret: 'secret-of-the-bot',
      retry: { attempts: 2, delayMs: 1 },
    }),
  ],
  providers: [ContextPerEvent, Journal, Crm],
})
class AppModule {}

describe.each(Object.keys(ADAPTERS) as AdapterName[])('on %s', adapter => {
  it('runs each attempt in a nestjs-cls context with its own event', async () => {
    const { app, logs } = await startHost(
      adapter,
      { imports: [AppModule] },
      {
        prepare: host =>
          // Handlers do not see the context of a request.
          void host.use(
            (_request: unknown, _response: unknown, next: () => void) =>
              host.get(ClsService).run(() => {
                host.get(ClsService).set('url', 'of a request');
                next();
              }),
          ),
      },
    );
    const entries = Array.from({ length: 20 }, () =>
      xeniooEntry.userMessage({ Data: 'message' }),
    );

    await deliver(app, entries, { concurrency: 5 });
    await idle(app);

    const { lines } = app.get(Journal, { strict: false });
    expect(lines).toHaveLength(40);
    for (const line of lines as { eventId: string }[]) {
      expect(line).toEqual({
        text: `message of ${line.eventId}`,
        eventId: line.eventId,
        handler: 'Crm.saveMessage',
      });
    }
    expect(logs.ofXenioo('warn').join()).not.toContain('global guards');
  });
});
