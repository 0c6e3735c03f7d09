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
import { attributesOf, errorTypeOf, PROCESS, SCOPE } from './attributes.js';

/**
 * Makes a span for each attempt of a handler: the root of a trace of its own, since
 * the call was answered long before a retry, with a link to the span of the call.
 */
export class SpanObserver implements XeniooObserver {
  private readonly tracer = trace.getTracer(SCOPE);
  private readonly spans = new WeakMap<XeniooHandlerRun, Span>();

  /** Stores the context of the call, without its baggage, which may say who somebody is. */
  carrier(): XeniooCarrier | undefined {
    const active = context.active();
    if (!trace.getSpan(active)) return undefined;
    const carrier: Record<string, string> = {};
    propagation.inject(propagation.deleteBaggage(active), carrier);
    return carrier;
  }

  runHandler(
    run: XeniooHandlerRun,
    next: () => Promise<unknown>,
  ): Promise<unknown> {
    const span = this.tracer.startSpan(`process ${run.handler}`, {
      root: true,
      kind: SpanKind.CONSUMER,
      links: linksOf(run),
      attributes: {
        ...PROCESS,
        ...attributesOf(run),
        'xenioo.attempt': run.attempt,
      },
    });
    this.spans.set(run, span);
    return context.with(trace.setSpan(context.active(), span), next);
  }

  /** Ends the span with the attempt: a handler that timed out may go on, but its attempt is over. */
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
  const sent = propagation.extract(ROOT_CONTEXT, carrier);
  const called = trace.getSpanContext(sent);
  return called ? [{ context: called }] : [];
}
