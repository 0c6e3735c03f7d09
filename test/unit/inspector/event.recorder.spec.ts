import { describe, expect, it } from 'vitest';
import { parseBody } from '../../../lib/events/parse-body.js';
import type { XeniooEvent } from '../../../lib/events/xenioo.events.js';
import { EventRecorder } from '../../../lib/inspector/event.recorder.js';
import { createReceipt } from '../../support/entry-of.js';

const SETTINGS = { readOnly: false, showText: false, keepEvents: 10 };

let number = 0;

function events(count: number, fields: object = {}): XeniooEvent[] {
  const entries = Array.from({ length: count }, () => ({
    Type: 1,
    Date: new Date(++number).toISOString(),
    ...fields,
  }));
  return parseBody(JSON.stringify(entries), createReceipt()) as XeniooEvent[];
}

const deliveryOf = (entries: XeniooEvent[]) => ({
  bot: 'default',
  receivedAt: new Date(),
  entries,
});

const seqsOf = (recorder: EventRecorder) =>
  recorder.list(1_000).map(({ seq }) => seq);

describe('an event recorder', () => {
  it('keeps the last events of many', () => {
    const recorder = new EventRecorder(SETTINGS);

    for (let call = 0; call < 50; call++) {
      recorder.deliveryAccepted(deliveryOf(events(3)));
    }

    expect(seqsOf(recorder)).toEqual(
      Array.from({ length: 10 }, (_, index) => 150 - index),
    );
  });

  it('keeps no more than 32 MB, whatever the number of events', () => {
    const recorder = new EventRecorder({ ...SETTINGS, keepEvents: 100_000 });

    for (let call = 0; call < 10; call++) {
      recorder.deliveryAccepted(
        deliveryOf(events(100, { Data: 'x'.repeat(50_000) })),
      );
    }

    const { length } = seqsOf(recorder);
    expect(length).toBeGreaterThan(250);
    expect(length).toBeLessThan(350);
    expect(seqsOf(recorder)[0]).toBe(1_000);
  });

  it('records an event once, whether its handler or the answer comes first', () => {
    const recorder = new EventRecorder(SETTINGS);
    const [first, second] = events(2);
    const run = { handler: 'Crm.save', event: first!, attempt: 1 };

    recorder.handlerStarted(run);
    recorder.deliveryAccepted(deliveryOf([first!, second!]));
    recorder.handlerFinished(run, {
      handler: 'Crm.save',
      status: 'done',
      attempts: 1,
    });

    expect(recorder.list(10)).toMatchObject([
      { seq: 2, results: [] },
      { seq: 1, results: [{ handler: 'Crm.save', status: 'done' }] },
    ]);
  });

  it('shows the latest attempt of each handler', () => {
    const recorder = new EventRecorder(SETTINGS);
    const [event] = events(1);
    for (const attempt of [1, 2]) {
      const run = { handler: 'Crm.save', event: event!, attempt };
      recorder.handlerStarted(run);
      recorder.handlerFinished(run, {
        handler: 'Crm.save',
        status: 'retry',
        attempts: attempt,
        retryAt: 0,
        error: new Error(`attempt ${attempt}`),
      });
    }
    recorder.handlerStarted({ handler: 'Log.all', event: event!, attempt: 1 });

    expect(recorder.list(10)).toMatchObject([
      {
        results: [
          { handler: 'Crm.save', attempt: 2, error: 'attempt 2' },
          { handler: 'Log.all', status: 'running' },
        ],
      },
    ]);
  });

  it('goes on after a conversation was erased', () => {
    const recorder = new EventRecorder(SETTINGS);
    recorder.deliveryAccepted(deliveryOf(events(4, { ConversationId: 'a' })));
    recorder.deliveryAccepted(deliveryOf(events(4, { ConversationId: 'b' })));

    recorder.erase('a');
    recorder.deliveryAccepted(deliveryOf(events(4, { ConversationId: 'c' })));

    expect(seqsOf(recorder)).toEqual([12, 11, 10, 9, 8, 7, 6, 5]);
    expect(recorder.get(1)).toBeUndefined();
    expect(recorder.get(5)).toBeDefined();
  });
});
