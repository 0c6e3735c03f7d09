import {
  metrics,
  type BatchObservableCallback,
  type Observable,
} from '@opentelemetry/api';
import type { XeniooDelivery } from '../events/xenioo-delivery.js';
import { isInvalidEntry } from '../events/xenioo-event.table.js';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooHandlerResult } from '../handlers/xenioo-task.js';
import type {
  XeniooDuplicates,
  XeniooHandlerRun,
  XeniooObserver,
  XeniooRefusal,
  XeniooStrike,
} from '../handlers/xenioo.observers.js';
import type { XeniooProcessing } from '../inbox/xenioo.processing.js';
import {
  attributesOf,
  errorTypeOf,
  PROCESS_ATTRIBUTES,
  RECEIVE_ATTRIBUTES,
  SCOPE,
} from './attributes.js';

/** Bucket boundaries in seconds that the semantic conventions recommend for durations. */
const DURATION_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** Bucket boundaries up to an hour, since an event may wait for several retries. */
const DELAY_BUCKETS = [...DURATION_BUCKETS, 30, 60, 300, 900, 3_600];

/** Records metrics of calls, events and handlers. Reads the counts of the inboxes whenever metrics are collected. */
export class MetricsObserver implements XeniooObserver {
  private readonly meter = metrics.getMeter(SCOPE);
  private readonly callCounter = this.counter(
    'xenioo.webhook.calls',
    'Webhook calls by status code of the answer.',
    '{call}',
  );
  private readonly answerHistogram = this.histogram(
    'xenioo.webhook.answer.duration',
    'Time from the end of the body of an accepted call to its answer.',
    DURATION_BUCKETS,
  );
  private readonly refusalCounter = this.counter(
    'xenioo.webhook.refused',
    'Calls answered 401, by what is wrong with their Authorization header.',
    '{call}',
  );
  private readonly strikeCounter = this.counter(
    'xenioo.webhook.strikes',
    'Authenticated calls answered other than 200. After 10 of them Xenioo stops calling.',
    '{call}',
  );
  private readonly entryCounter = this.counter(
    'messaging.client.consumed.messages',
    'Entries of accepted calls, duplicates included.',
    '{message}',
  );
  private readonly duplicateCounter = this.counter(
    'xenioo.events.duplicates',
    'Events dropped because their ids were accepted before.',
    '{event}',
  );
  private readonly deadLetterCounter = this.counter(
    'xenioo.dead_letters.added',
    'Dead letters stored.',
    '{letter}',
  );
  private readonly attemptHistogram = this.histogram(
    'messaging.process.duration',
    'Duration of an attempt of a handler.',
    DURATION_BUCKETS,
  );
  private readonly delayHistogram = this.histogram(
    'xenioo.event.handled.delay',
    'Time from the receipt of an event to the end of a handler that succeeded.',
    DELAY_BUCKETS,
  );
  private readonly startedAt = new WeakMap<XeniooHandlerRun, number>();
  private readonly gauges: ReturnType<typeof createGauges>;
  private readonly observeStats: BatchObservableCallback;

  constructor(processing: XeniooProcessing) {
    const gauges = createGauges(this.meter);
    this.gauges = gauges;
    this.observeStats = async observer => {
      const [accepting, counted] = await Promise.allSettled([
        processing.assertAccepting(),
        processing.stats(),
      ]);
      const isUp = [accepting, counted].every(r => r.status === 'fulfilled');
      observer.observe(gauges.accepting, isUp ? 1 : 0);
      observer.observe(gauges.paused, processing.isPaused ? 1 : 0);
      if (counted.status === 'rejected') return;
      const stats = counted.value;
      const age = stats.oldestPendingAt
        ? (Date.now() - stats.oldestPendingAt.getTime()) / 1_000
        : 0;
      observer.observe(gauges.pending, stats.pending);
      observer.observe(gauges.running, stats.running);
      observer.observe(gauges.retries, stats.retries);
      observer.observe(gauges.deadLetters, stats.deadLetters);
      observer.observe(gauges.oldestPendingAge, Math.max(0, age));
    };
    this.meter.addBatchObservableCallback(
      this.observeStats,
      Object.values(gauges),
    );
  }

  /** Stops reading the counts of the inboxes. */
  stop(): void {
    this.meter.removeBatchObservableCallback(
      this.observeStats,
      Object.values(this.gauges),
    );
  }

  deliveryAccepted({ bot, receivedAt, entries }: XeniooDelivery): void {
    this.countCall(200, bot);
    const seconds = Math.max(0, Date.now() - receivedAt.getTime()) / 1_000;
    this.answerHistogram.record(seconds, { 'xenioo.bot': bot });
    for (const entry of entries) {
      const type = isInvalidEntry(entry) ? 'invalid' : entry.typeName;
      this.entryCounter.add(1, {
        ...RECEIVE_ATTRIBUTES,
        'xenioo.bot': bot,
        'xenioo.event.type': type,
      });
    }
  }

  callRefused({ reason }: XeniooRefusal): void {
    this.countCall(401);
    this.refusalCounter.add(1, { 'xenioo.refusal': reason });
  }

  strike({ status, bot }: XeniooStrike): void {
    this.countCall(status, bot);
    this.strikeCounter.add(1, {
      'http.response.status_code': status,
      'xenioo.bot': bot,
    });
  }

  duplicatesDropped({ bot, count }: XeniooDuplicates): void {
    this.duplicateCounter.add(count, { 'xenioo.bot': bot });
  }

  deadLetterAdded({ kind, handler, entry }: XeniooDeadLetter): void {
    this.deadLetterCounter.add(1, {
      'xenioo.bot': entry.bot,
      'xenioo.dead_letter.kind': kind,
      ...(handler !== undefined && { 'xenioo.handler': handler }),
    });
  }

  handlerStarted(run: XeniooHandlerRun): void {
    this.startedAt.set(run, performance.now());
  }

  handlerFinished(run: XeniooHandlerRun, result: XeniooHandlerResult): void {
    const startedAt = this.startedAt.get(run);
    if (startedAt === undefined) return;
    this.startedAt.delete(run);
    const attributes = { ...PROCESS_ATTRIBUTES, ...attributesOf(run) };
    this.attemptHistogram.record((performance.now() - startedAt) / 1_000, {
      ...attributes,
      'xenioo.result': result.status,
      ...(result.status !== 'done' && {
        'error.type': errorTypeOf(result.error),
      }),
    });
    if (result.status !== 'done') return;
    const delay = Date.now() - run.event.receivedAt.getTime();
    this.delayHistogram.record(Math.max(0, delay) / 1_000, attributes);
  }

  private countCall(status: number, bot?: string): void {
    this.callCounter.add(1, {
      'http.response.status_code': status,
      ...(bot !== undefined && { 'xenioo.bot': bot }),
    });
  }

  private counter(name: string, description: string, unit: string) {
    return this.meter.createCounter(name, { description, unit });
  }

  private histogram(name: string, description: string, boundaries: number[]) {
    return this.meter.createHistogram(name, {
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: boundaries },
    });
  }
}

function createGauges(meter: ReturnType<typeof metrics.getMeter>) {
  const gauge = (name: string, description: string, unit: string): Observable =>
    meter.createObservableGauge(name, { description, unit });
  return {
    accepting: gauge(
      'xenioo.inbox.accepting',
      '1 while the inbox accepts calls and can be read, otherwise 0.',
      '{state}',
    ),
    pending: gauge(
      'xenioo.inbox.pending',
      'Events whose first run has not finished.',
      '{event}',
    ),
    running: gauge(
      'xenioo.inbox.running',
      'Tasks whose handlers are running in this process.',
      '{task}',
    ),
    retries: gauge(
      'xenioo.inbox.retries',
      'Handlers that wait for their next attempt.',
      '{task}',
    ),
    deadLetters: gauge(
      'xenioo.inbox.dead_letters',
      'Dead letters in the inbox.',
      '{letter}',
    ),
    oldestPendingAge: gauge(
      'xenioo.inbox.oldest_pending.age',
      'Age of the oldest pending event; 0 if none is pending.',
      's',
    ),
    paused: gauge(
      'xenioo.processing.paused',
      '1 while processing is paused in this process, otherwise 0.',
      '{state}',
    ),
  };
}
