import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { createRequire } from 'node:module';
import { afterAll } from 'vitest';

/**
 * Starts the OpenTelemetry SDK with exporters that keep everything, until the tests of the file have run. As in an
 * application, it can be started once in a process.
 */
export function startTelemetry() {
  const spans = new InMemorySpanExporter();
  const tracers = new NodeTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(spans)],
  });
  tracers.register();
  const exported = new InMemoryMetricExporter(AggregationTemporality.DELTA);
  const meters = new MeterProvider({
    readers: [
      new PeriodicExportingMetricReader({
        exporter: exported,
        exportIntervalMillis: 2 ** 30,
        exportTimeoutMillis: 60_000,
      }),
    ],
  });
  metrics.setGlobalMeterProvider(meters);
  const stopInstrumentations = registerInstrumentations({
    instrumentations: [new HttpInstrumentation()],
  });
  // Patches the module for imports that came before, too.
  createRequire(import.meta.url)('node:http');
  afterAll(async () => {
    stopInstrumentations();
    await tracers.shutdown();
    await meters.shutdown();
  });
  return {
    /** Discards the spans and metrics of earlier tests. */
    async reset() {
      await meters.forceFlush();
      exported.reset();
      spans.reset();
    },
    spans: () => spans.getFinishedSpans(),
    /** Collects the metrics and returns their data points by name. */
    async metrics() {
      exported.reset();
      await meters.forceFlush();
      const all = exported
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .filter(({ scope }) => scope.name === 'nestjs-xenioo')
        .flatMap(scope => scope.metrics);
      return new Map(
        all.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints]),
      );
    },
  };
}
