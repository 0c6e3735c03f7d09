import { once } from 'node:events';
import type { Terminal } from '../terminal.js';
import { CallMask } from './call.mask.js';
import { listen } from './listen.js';
import { RecordFile } from './record.file.js';
import { showRecordProgress } from './record.progress.js';
import { createRecordWebhook } from './record.webhook.js';
import { noCounts, type RecordingCounts } from './recording.counts.js';
import { createStdoutSink } from './stdout.sink.js';

/** What is to be recorded, and where. */
export interface RecordPlan {
  readonly secret: string;
  readonly host: string;
  readonly port: number;
  /** Without one, calls to any path are recorded. */
  readonly path: string | undefined;
  /** Without one, stdout. */
  readonly out: string | undefined;
  readonly isMasked: boolean;
}

/** Records calls until the terminal is told to end, and resolves with how many. */
export async function record(
  plan: RecordPlan,
  terminal: Terminal,
): Promise<RecordingCounts> {
  const { out, secret, path, isMasked } = plan;
  const file = out === undefined ? undefined : await RecordFile.open(out);
  const broken = new AbortController();
  const over = AbortSignal.any([terminal.signal, broken.signal]);
  const sink = file ?? createStdoutSink(terminal, () => broken.abort());
  const counts = noCounts();
  const progress = showRecordProgress(counts, terminal, {
    inPlace: terminal.isInteractive && file !== undefined,
  });
  try {
    const webhook = createRecordWebhook({
      secret,
      path,
      sink,
      counts,
      mask: isMasked ? new CallMask(secret) : undefined,
      onCall: () => progress.onCall(),
      onTrouble: trouble => progress.onTrouble(trouble),
    });
    const server = await listen(webhook, plan);
    terminal.err(greeting(server.origin, plan, file));
    if (!over.aborted) await once(over, 'abort');
    await server.close();
  } finally {
    progress.end();
    await sink.close();
  }
  return counts;
}

function greeting(
  origin: string,
  { path = '/', isMasked }: RecordPlan,
  file: RecordFile | undefined,
): string {
  const { tornBytes = 0, wholeBytes = 0 } = file?.found ?? {};
  return [
    `Recording at ${origin}${path}; Ctrl-C ends it.`,
    `For calls from Xenioo: npx cloudflared tunnel --url ${origin}, and give the https URL that it shows${path === '/' ? '' : `, with ${path},`} to the bot as its Events Webhook URL.`,
    ...(isMasked
      ? []
      : ["People's words are recorded as they are: mind who can read them."]),
    ...(wholeBytes > 0
      ? ['The file holds a recording already: this one goes on behind it.']
      : []),
    ...(tornBytes > 0
      ? [
          `Its last line was broken and was cut off (${tornBytes} bytes): it was of a call that was not answered.`,
        ]
      : []),
  ].join('\n');
}
