import {
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { XeniooHandlersModule } from '../handlers/xenioo-handlers.module.js';
import { XeniooObservers } from '../handlers/xenioo.observers.js';
import { XeniooInboxModule } from '../inbox/xenioo-inbox.module.js';
import { XeniooProcessing } from '../inbox/xenioo.processing.js';
import { MetricsObserver } from './metrics.observer.js';
import { SpanObserver } from './span.observer.js';

/**
 * Reports the work of every instance of `XeniooModule` to OpenTelemetry: a span for
 * each attempt of a handler, active while the handler runs and linked to the span of
 * the webhook call, and metrics of calls, events, handlers and inboxes. It uses the
 * global providers of `@opentelemetry/api`: start the SDK before the application.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [
 *     XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET }),
 *     XeniooOpenTelemetryModule,
 *   ],
 * })
 * export class AppModule {}
 * ```
 */
@Module({ imports: [XeniooHandlersModule, XeniooInboxModule] })
export class XeniooOpenTelemetryModule
  implements OnModuleInit, OnApplicationShutdown
{
  private stop: (() => void)[] = [];

  /** @internal */
  constructor(
    private readonly observers: XeniooObservers,
    private readonly processing: XeniooProcessing,
  ) {}

  onModuleInit(): void {
    const metrics = new MetricsObserver(this.processing);
    this.stop = [
      this.observers.add(new SpanObserver()),
      this.observers.add(metrics),
      () => metrics.stop(),
    ];
  }

  onApplicationShutdown(): void {
    for (const stop of this.stop) stop();
  }
}
