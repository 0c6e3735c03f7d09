import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Link,
  type Span,
} from '@opentelemetry/api';
import type { XeniooCarrier } from '../events/xenioo-delivery.js';
import type { XeniooHandlerResult } from '../handlers/xenioo-task.js';
import type {
  XeniooHandlerRun,
  XeniooObserver,
} from '../handlers/xenioo.observers.js';
import {
  attributesOf,
  errorTypeOf,
  PROCESS_ATTRIBUTES,
  SCOPE,
} from './attributes.js';

/**
 * Creates a span for each attempt of a handler. It is the root of a new trace, since
 * a retry may run long after the call was answered, and links to the span of the call.
 */
export class SpanObserver implements XeniooObserver {
  private readonly tracer = trace.getTracer(SCOPE);
  private readonly spans = new WeakMap<XeniooHandlerRun, Span>();

  /** Returns the trace context of the call. Leaves out its baggage, which may identify a person. */
  carrier(): XeniooCarrier | undefined {
    const active = context.active();
    if (!trace.getSpan(active)) return undefined;
    const carrier: Record<string, string> = {};
    propagation.inject(propagation.deleteBaggage(active), carrier);
    return carrier;
  }

  /** Runs the handler with the new span as the active one. */
  runHandler(
    run: XeniooHandlerRun,
    next: () => Promise<unknown>,
  ): Promise<unknown> {
    const span = this.tracer.startSpan(`process ${run.handler}`, {
      root: true,
      kind: SpanKind.CONSUMER,
      links: linksOf(run),
      attributes: {
        ...PROCESS_ATTRIBUTES,
        ...attributesOf(run),
        'xenioo.attempt': run.attempt,
      },
    });
    this.spans.set(run, span);
    return context.with(trace.setSpan(context.active(), span), next);
  }

  /** Ends the span with the attempt, even if a handler that timed out is still running. */
  handlerFinished(run: XeniooHandlerRun, result: XeniooHandlerResult): void {
    const span = this.spans.get(run);
    if (!span) return;
    this.spans.delete(run);
    if (result.status !== 'done') {
      const { error } = result;
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute('error.type', errorTypeOf(error));
      if (error instanceof Error) span.recordException(error);
    }
    span.setAttribute('xenioo.result', result.status);
    span.end();
  }
}

function linksOf({ carrier }: XeniooHandlerRun): Link[] {
  if (!carrier) return [];
  const parent = propagation.extract(ROOT_CONTEXT, carrier);
  const linked = trace.getSpanContext(parent);
  return linked ? [{ context: linked }] : [];
}
