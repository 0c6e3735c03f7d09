import { Injectable } from '@nestjs/common';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  OnXenioo,
  XeniooEventType,
  XeniooModule,
  type UserMessageEvent,
} from '../../lib/index.js';
import { XeniooOpenTelemetryModule } from '../../lib/opentelemetry/index.js';
import { idle, senderFor, xeniooEntry } from '../../lib/testing/index.js';
import { startHost, type AdapterName } from '../support/host-app.js';
import { describeInboxes, type TestedInbox } from '../support/inboxes.js';
import { startTelemetry } from '../support/telemetry.js';

/** Fails as often as the text of the message says, and records its active span. */
@Injectable()
class Crm {
  readonly active: (string | undefined)[] = [];
  private readonly attempts = new Map<string, number>();

  @OnXenioo(XeniooEventType.UserMessage)
  async saveMessage({ id, text }: UserMessageEvent) {
    await new Promise(setImmediate);
    this.active.push(trace.getActiveSpan()?.spanContext().spanId);
    const attempt = (this.attempts.get(id) ?? 0) + 1;
    this.attempts.set(id, attempt);
    if (attempt <= Number(text)) throw new TypeError('the CRM is down');
  }
}

const telemetry = startTelemetry();

async function start(adapter: AdapterName, inbox: TestedInbox) {
  await telemetry.reset();
  const { app } = await startHost(adapter, {
    imports: [
      XeniooModule.forRoot({
        secret: 'right-secret',
        name: 'support',
        retry: { attempts: 3, delayMs: 1 },
        inbox: inbox.create(),
      }),
      XeniooOpenTelemetryModule,
    ],
    providers: [Crm],
  });
  const sender = await senderFor(app, { failures: 'ignore' });
  onTestFinished(() => sender.close());
  const spansOf = (kind: SpanKind) =>
    telemetry.spans().filter(span => span.kind === kind);
  return { ...telemetry, app, sender, spansOf, crm: app.get(Crm) };
}

const failing = (times: number) =>
  xeniooEntry.userMessage({ Data: String(times) });

describe.each(['express', 'fastify'] as const)(
  'OpenTelemetry on %s',
  adapter => {
    describeInboxes(inbox => {
      it('creates a span for each attempt, linked to the span of the webhook call', async () => {
        const { app, sender, spansOf, crm } = await start(adapter, inbox);
        await sender.call(failing(2));
        await idle(app);

        const [call] = spansOf(SpanKind.SERVER);
        const attempts = spansOf(SpanKind.CONSUMER);
        expect(attempts.map(({ name }) => name)).toEqual(
          Array(3).fill('process Crm.saveMessage'),
        );
        expect(attempts.map(({ status }) => status.code)).toEqual([
          SpanStatusCode.ERROR,
          SpanStatusCode.ERROR,
          SpanStatusCode.UNSET,
        ]);
        expect(
          attempts.map(({ attributes }) => [
            attributes['xenioo.attempt'],
            attributes['xenioo.result'],
            attributes['error.type'],
          ]),
        ).toEqual([
          [1, 'retry', 'TypeError'],
          [2, 'retry', 'TypeError'],
          [3, 'done', undefined],
        ]);
        const { traceId, spanId } = call!.spanContext();
        for (const { links, parentSpanContext } of attempts) {
          expect(parentSpanContext).toBe(undefined);
          expect(links).toMatchObject([{ context: { traceId, spanId } }]);
        }
        expect(crm.active).toEqual(
          attempts.map(span => span.spanContext().spanId),
        );
      });

      it('links each event to its own call when calls are concurrent', async () => {
        const { app, sender, spansOf, crm } = await start(adapter, inbox);
        await sender.send(
          Array.from({ length: 20 }, () => failing(1)),
          {
            concurrency: 10,
          },
        );
        await idle(app);

        await expect.poll(() => spansOf(SpanKind.SERVER)).toHaveLength(20);
        const calls = spansOf(SpanKind.SERVER).map(s => s.spanContext().spanId);
        const linked = spansOf(SpanKind.CONSUMER).map(
          ({ links }) => links[0]!.context.spanId,
        );
        expect(new Set(calls).size).toBe(20);
        expect(linked.toSorted()).toEqual([...calls, ...calls].toSorted());
        expect(new Set(crm.active).size).toBe(40);
      });

      it('records metrics of calls, events, handlers and the inbox', async () => {
        const { app, sender, metrics } = await start(adapter, inbox);
        await sender.call([
          failing(0),
          failing(5),
          { Type: 99 },
          { Type: 'x' },
        ]);
        await sender.call(failing(0), { authorization: 'Bearer wrong' });
        await idle(app);
        const found = await metrics();

        const sum = (name: string) =>
          found
            .get(name)!
            .reduce((total, { value }) => total + Number(value), 0);
        const pairs = (name: string, attribute: string) =>
          found
            .get(name)!
            .map(({ attributes, value }) => [attributes[attribute], value])
            .toSorted();
        expect(
          pairs('xenioo.webhook.calls', 'http.response.status_code'),
        ).toEqual([
          [200, 1],
          [401, 1],
        ]);
        expect(
          pairs('messaging.client.consumed.messages', 'xenioo.event.type'),
        ).toEqual([
          ['invalid', 1],
          ['unknown', 1],
          ['user-message', 2],
        ]);
        expect(pairs('xenioo.webhook.refused', 'xenioo.refusal')).toEqual([
          ['unknown-secret', 1],
        ]);
        expect(
          pairs('xenioo.dead_letters.added', 'xenioo.dead_letter.kind'),
        ).toEqual([
          ['event', 1],
          ['invalid', 1],
        ]);
        expect(
          found
            .get('messaging.process.duration')!
            .map(({ attributes, value }) => [
              attributes['xenioo.result'],
              (value as { count: number }).count,
            ])
            .toSorted(),
        ).toEqual([
          ['done', 1],
          ['failed', 1],
          ['retry', 2],
        ]);
        expect(found.get('xenioo.event.handled.delay')).toHaveLength(1);
        expect(found.get('xenioo.webhook.answer.duration')).toHaveLength(1);
        expect(sum('xenioo.inbox.accepting')).toBe(1);
        expect(sum('xenioo.inbox.pending')).toBe(0);
        expect(sum('xenioo.inbox.dead_letters')).toBe(2);
        expect(sum('xenioo.inbox.oldest_pending.age')).toBe(0);
        expect(sum('xenioo.processing.paused')).toBe(0);
      });
    });
  },
);
