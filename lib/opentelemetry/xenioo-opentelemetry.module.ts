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
 * Reports spans and metrics of every instance of `XeniooModule` to OpenTelemetry. Each
 * attempt of a handler has a span, which is active while the handler runs and links to
 * the span of the webhook call. The metrics cover calls, events, handlers and inboxes.
 * Start the OpenTelemetry SDK before the application: this module uses the global
 * providers of `@opentelemetry/api`.
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
  private stopFunctions: (() => void)[] = [];

  /** @internal */
  constructor(
    private readonly observers: XeniooObservers,
    private readonly processing: XeniooProcessing,
  ) {}

  /** @hidden */
  onModuleInit(): void {
    const metrics = new MetricsObserver(this.processing);
    this.stopFunctions = [
      this.observers.add(new SpanObserver()),
      this.observers.add(metrics),
      () => metrics.stop(),
    ];
  }

  /** @hidden */
  onApplicationShutdown(): void {
    for (const stop of this.stopFunctions) stop();
  }
}
