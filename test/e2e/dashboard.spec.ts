import { Injectable } from '@nestjs/common';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { readFile } from 'node:fs/promises';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  OnXenioo,
  XeniooEventType,
  XeniooModule,
  type UserMessageEvent,
  type XeniooInboxStats,
} from '../../lib/index.js';
import { XeniooOpenTelemetryModule } from '../../lib/opentelemetry/index.js';
import { idle, senderFor, xeniooEntry } from '../../lib/testing/index.js';
import { serve } from '../support/serve.js';
import { startHost } from '../support/host-app.js';
import { AcceptOnlyInbox } from '../support/accept-only-inbox.js';

const exporter = new PrometheusExporter({ preventServerStart: true });
const meters = new MeterProvider({ readers: [exporter] });
metrics.setGlobalMeterProvider(meters);
afterAll(() => meters.shutdown());

@Injectable()
class Crm {
  @OnXenioo(XeniooEventType.UserMessage)
  async saveMessage({ text }: UserMessageEvent) {
    await new Promise(setImmediate);
    if (text === 'fail') throw new Error('the CRM is down');
  }
}

/** Its database answers queries or does not, as the test says. */
class BreakableInbox extends AcceptOnlyInbox {
  isAway = false;

  async accept() {}

  override stats(): Promise<XeniooInboxStats> {
    return this.isAway
      ? Promise.reject(new Error('connection refused'))
      : super.stats();
  }
}

/** Returns the page that Prometheus reads. */
async function readPage(): Promise<string> {
  const { url } = await serve((request, response) =>
    exporter.getMetricsRequestHandler(request, response),
  );
  return (await fetch(url)).text();
}

/** Makes the module report each of its metrics once, and returns the page that Prometheus reads. */
async function scrape(): Promise<string> {
  const { app } = await startHost('express', {
    imports: [
      XeniooModule.forRoot({
        secret: 'secret-of-the-bot',
        bodyLimit: 1_000,
        retry: { attempts: 2, delayMs: 1 },
      }),
      XeniooOpenTelemetryModule,
    ],
    providers: [Crm],
  });
  const sender = await senderFor(app, { failures: 'ignore' });
  onTestFinished(() => sender.close());
  const { userMessage } = xeniooEntry;
  const entry = userMessage({ Data: 'Hello' });
  await sender.call([entry, userMessage({ Data: 'fail' })]);
  await sender.call(entry);
  await sender.call(entry, { authorization: 'Bearer wrong' });
  await sender.call(userMessage({ Data: 'long '.repeat(1_000) }));
  await idle(app);
  return readPage();
}

/** The labels of each metric of the module, by the name in Prometheus. */
async function exportedMetrics(): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>();
  for (const line of (await scrape()).split('\n')) {
    const [, name, labels = ''] =
      /^((?:xenioo|messaging)_\w+)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name === undefined) continue;
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label!);
    const known = found.get(name) ?? [];
    found.set(name, new Set([...known, ...names]));
  }
  return found;
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

const root = new URL('../../', import.meta.url);
const readText = (path: string) => readFile(new URL(path, root), 'utf8');
const METRIC = /\b(?:xenioo|messaging)_\w+(?=[[{)\s`]|$)/g;
/** Labels in `by (…)` and in `{…}`. */
const LABELS = /by \(([^)]*)\)|\{(\w+)=/g;

/** Returns the metrics and labels of a query that are not exported. */
function unknownNamesOf(
  query: string,
  exported: ReadonlyMap<string, ReadonlySet<string>>,
): string[] {
  const labels = [...query.matchAll(LABELS)].flatMap(([, list, one]) =>
    (list ?? one!).split(',').map(name => name.trim()),
  );
  const names = (query.match(METRIC) ?? []).filter(
    name => !labels.includes(name),
  );
  const known = new Set(names.flatMap(name => [...(exported.get(name) ?? [])]));
  return [
    ...names.filter(name => !exported.has(name)),
    ...labels.filter(label => !known.has(label)),
  ];
}

describe('the metrics that Prometheus reads', () => {
  it('have the names and labels that the Grafana dashboard queries', async () => {
    const exported = await exportedMetrics();
    const text = await readText('sample/07-operations/grafana.json');
    const { panels } = JSON.parse(text) as Dashboard;
    const queries = panels.flatMap(({ targets }) => targets.map(t => t.expr));

    expect(queries.length).toBeGreaterThan(10);
    for (const query of queries) {
      expect(query).toMatch(METRIC);
      expect(unknownNamesOf(query, exported), query).toEqual([]);
    }
  });

  it('have the names and labels of the alerts for Prometheus', async () => {
    const exported = await exportedMetrics();
    const text = await readText('sample/07-operations/alerts.yaml');
    const queries = [...text.matchAll(/ expr: (.+)/g)].map(([, expr]) => expr!);

    expect(queries.length).toBeGreaterThan(6);
    for (const query of queries) {
      expect(query).toMatch(METRIC);
      expect(unknownNamesOf(query, exported), query).toEqual([]);
    }
  });

  it('are those of the table in docs/monitoring.md, with its attributes', async () => {
    const exported = await exportedMetrics();
    const page = await readText('docs/monitoring.md');
    const section = page.split(/\n#+ /).find(s => s.startsWith('Metrics'))!;
    const rows = section.split('\n').filter(row => row.startsWith('| `'));
    const documented = rows.map(row => {
      const [, name, , attributes] = row.split('|');
      const names = attributes!.match(/`\w+\.[\w.]+`/g) ?? [];
      return [name, ...names.toSorted()].map(given =>
        given!.trim().replaceAll('`', '').replaceAll('.', '_'),
      );
    });

    const found = new Map<string, Set<string>>();
    for (const [name, labels] of exported) {
      const base = name.replace(/_(?:total|count|sum|bucket)$/, '');
      const all = new Set([...(found.get(base) ?? []), ...labels]);
      all.delete('otel_scope_name');
      all.delete('le');
      found.set(base, all);
    }
    const metrics = [...found].map(([name, labels]) => [
      name,
      ...[...labels].toSorted(),
    ]);
    expect(documented.toSorted()).toEqual(metrics.toSorted());
  });

  it('have the names of the recipe with prom-client', async () => {
    const exported = await exportedMetrics();
    const recipe = await readText('test/recipes/prom-client.ts');
    const own = [...recipe.matchAll(/ name: '(\w+)'/g)].map(([, name]) => name);
    const gauges = [...recipe.matchAll(/gauge\(\s*'(\w+)'/g)].map(
      ([, name]) => `xenioo_inbox_${name}`,
    );
    const names = [...exported.keys()].map(name => name.replace(/_count$/, ''));

    expect([own.length, gauges.length]).toEqual([5, 4]);
    expect(names).toEqual(expect.arrayContaining([...own, ...gauges]));
  });

  it('say that the inbox accepts nothing while its storage cannot be read', async () => {
    const inbox = new BreakableInbox();
    await startHost('express', {
      imports: [
        XeniooModule.forRoot({
          secret: 'secret-of-the-bot',
          inbox: { useFactory: () => inbox },
        }),
        XeniooOpenTelemetryModule,
      ],
    });
    expect(await readPage()).toMatch(/^xenioo_inbox_accepting\{.*\} 1$/m);

    inbox.isAway = true;
    expect(await readPage()).toMatch(/^xenioo_inbox_accepting\{.*\} 0$/m);

    inbox.isAway = false;
    expect(await readPage()).toMatch(/^xenioo_inbox_accepting\{.*\} 1$/m);
  });
});
