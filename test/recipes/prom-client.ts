import {
  Controller,
  Get,
  Header,
  Injectable,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import {
  XeniooObservers,
  XeniooProcessing,
  type XeniooHandlerRun,
  type XeniooInboxStats,
} from '../../lib/index.js';

@Injectable()
export class XeniooMetrics implements OnApplicationShutdown {
  readonly registry = new Registry();
  readonly onApplicationShutdown: () => void;

  constructor(
    observers: XeniooObservers,
    private readonly processing: XeniooProcessing,
  ) {
    const registers = [this.registry];
    const calls = new Counter({
      name: 'xenioo_webhook_calls_total',
      help: 'Webhook calls by the status of their answer',
      labelNames: ['http_response_status_code'],
      registers,
    });
    const strikes = new Counter({
      name: 'xenioo_webhook_strikes_total',
      help: 'Authenticated calls answered other than 200',
      registers,
    });
    const duplicates = new Counter({
      name: 'xenioo_events_duplicates_total',
      help: 'Events dropped because their ids were accepted before',
      registers,
    });
    const letters = new Counter({
      name: 'xenioo_dead_letters_added_total',
      help: 'Dead letters stored',
      labelNames: ['xenioo_handler'],
      registers,
    });
    const durations = new Histogram({
      name: 'messaging_process_duration',
      help: 'Duration of an attempt of a handler',
      labelNames: ['xenioo_handler', 'xenioo_result'],
      registers,
    });
    this.gauge(
      'pending',
      'Events that wait for their first run',
      s => s.pending,
    );
    this.gauge('retries', 'Handlers that wait to run again', s => s.retries);
    this.gauge('dead_letters', 'Dead letters', s => s.deadLetters);
    this.gauge('oldest_pending_age', 'Age of the oldest event', s =>
      s.oldestPendingAt
        ? (Date.now() - s.oldestPendingAt.getTime()) / 1_000
        : 0,
    );

    const startedAt = new WeakMap<XeniooHandlerRun, number>();
    this.onApplicationShutdown = observers.add({
      deliveryAccepted: () => calls.inc({ http_response_status_code: 200 }),
      callRefused: () => calls.inc({ http_response_status_code: 401 }),
      strike: ({ status }) => {
        calls.inc({ http_response_status_code: status });
        strikes.inc();
      },
      duplicatesDropped: ({ count }) => duplicates.inc(count),
      deadLetterAdded: ({ handler = '' }) =>
        letters.inc({ xenioo_handler: handler }),
      handlerStarted: run => void startedAt.set(run, performance.now()),
      handlerFinished: (run, { handler, status }) =>
        durations.observe(
          { xenioo_handler: handler, xenioo_result: status },
          (performance.now() - startedAt.get(run)!) / 1_000,
        ),
    });
  }

  private gauge(
    name: string,
    help: string,
    read: (stats: XeniooInboxStats) => number,
  ) {
    const { processing } = this;
    const gauge = new Gauge({
      name: `xenioo_inbox_${name}`,
      help,
      registers: [],
      async collect() {
        // The other metrics are answered while the database is unreachable.
        const stats = await processing.stats().catch(() => undefined);
        this.set(stats ? read(stats) : NaN);
      },
    });
    this.registry.registerMetric(gauge);
  }
}

@Controller()
export class MetricsController {
  constructor(private readonly metrics: XeniooMetrics) {}

  @Get('metrics')
  @Header('content-type', Registry.PROMETHEUS_CONTENT_TYPE)
  read() {
    return this.metrics.registry.metrics();
  }
}
