import { Injectable } from '@nestjs/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  OnXenioo,
  XeniooEventType,
  XeniooModule,
  XeniooProcessing,
  type UserMessageEvent,
  type XeniooInboxProvider,
  type XeniooInboxStats,
} from '../../lib/index.js';
import { idle, senderFor, xeniooEntry } from '../../lib/testing/index.js';
import { MetricsController, XeniooMetrics } from '../recipes/prom-client.js';
import { ADAPTERS, startHost, type AdapterName } from '../support/host-app.js';
import { AcceptOnlyInbox } from '../support/accept-only-inbox.js';

@Injectable()
class Crm {
  @OnXenioo(XeniooEventType.UserMessage)
  async saveMessage({ text }: UserMessageEvent) {
    await new Promise(setImmediate);
    if (text === 'fail') throw new Error('the CRM is down');
  }
}

/** Inbox whose database is unreachable. */
class UnreachableInbox extends AcceptOnlyInbox {
  async accept() {}

  override stats(): Promise<XeniooInboxStats> {
    return Promise.reject(new Error('connection refused'));
  }
}

async function start(adapter: AdapterName, inbox?: XeniooInboxProvider) {
  const { app, url } = await startHost(adapter, {
    imports: [
      XeniooModule.forRoot({
        secret: 'secret-of-the-bot',
        bodyLimit: 1_000,
        retry: { attempts: 2, delayMs: 1 },
        inbox,
      }),
    ],
    controllers: [MetricsController],
    providers: [XeniooMetrics, Crm],
  });
  const sender = await senderFor(app, { failures: 'ignore' });
  onTestFinished(() => sender.close());
  const scrape = async () => {
    const response = await fetch(url('/metrics'));
    const text = await response.text();
    const rows = text.split('\n').filter(row => /^[^#]/.test(row));
    const values = new Map(
      rows.map(row => {
        const end = row.lastIndexOf(' ');
        return [row.slice(0, end), Number(row.slice(end))];
      }),
    );
    return { response, text, value: (row: string) => values.get(row) };
  };
  return { app, sender, scrape, processing: app.get(XeniooProcessing) };
}

const { userMessage } = xeniooEntry;

describe.each(Object.keys(ADAPTERS) as AdapterName[])(
  'the metrics of prom-client on %s',
  adapter => {
    it('count calls, duplicates, strikes, dead letters and attempts of handlers', async () => {
      const { app, sender, scrape } = await start(adapter);
      const entry = userMessage({ Data: 'Hello', UserName: 'Ada Lovelace' });
      await sender.call([entry, userMessage({ Data: 'fail' })]);
      await sender.call([entry, { Type: 'x' }]);
      await sender.call(entry, { authorization: 'Bearer wrong' });
      await sender.call(userMessage({ Data: 'long '.repeat(1_000) }));
      await idle(app);

      const { response, text, value } = await scrape();
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(
        /^text\/plain; ?version=0\.0\.4/,
      );
      const attempts = 'messaging_process_duration_count';
      const rows = {
        'xenioo_webhook_calls_total{http_response_status_code="200"}': 2,
        'xenioo_webhook_calls_total{http_response_status_code="401"}': 1,
        'xenioo_webhook_calls_total{http_response_status_code="413"}': 1,
        xenioo_webhook_strikes_total: 1,
        xenioo_events_duplicates_total: 1,
        'xenioo_dead_letters_added_total{xenioo_handler="Crm.saveMessage"}': 1,
        'xenioo_dead_letters_added_total{xenioo_handler=""}': 1,
        [`${attempts}{xenioo_handler="Crm.saveMessage",xenioo_result="done"}`]: 1,
        [`${attempts}{xenioo_handler="Crm.saveMessage",xenioo_result="retry"}`]: 1,
        [`${attempts}{xenioo_handler="Crm.saveMessage",xenioo_result="failed"}`]: 1,
        xenioo_inbox_pending: 0,
        xenioo_inbox_retries: 0,
        xenioo_inbox_dead_letters: 2,
        xenioo_inbox_oldest_pending_age: 0,
      };
      const found = Object.keys(rows).map(row => [row, value(row)]);
      expect(Object.fromEntries(found)).toEqual(rows);
      expect(text).not.toMatch(/Hello|Ada|secret/);
    });

    it('have the pending events and the age of the oldest during a pause', async () => {
      const { app, sender, scrape, processing } = await start(adapter);
      await processing.pause();
      await sender.call([userMessage(), userMessage()]);

      const { value } = await scrape();
      expect(value('xenioo_inbox_pending')).toBe(2);
      const age = value('xenioo_inbox_oldest_pending_age')!;
      expect(age).toBeGreaterThan(0);
      await processing.resume();
      await idle(app);
      expect((await scrape()).value('xenioo_inbox_pending')).toBe(0);
    });

    it('are answered without the counts of the inbox while it cannot be read', async () => {
      const { sender, scrape } = await start(adapter, {
        useFactory: () => new UnreachableInbox(),
      });
      await sender.call(userMessage());

      const { response, value } = await scrape();
      expect(response.status).toBe(200);
      expect(value('xenioo_inbox_pending')).toBe(NaN);
      expect(
        value('xenioo_webhook_calls_total{http_response_status_code="200"}'),
      ).toBe(1);
    });
  },
);
