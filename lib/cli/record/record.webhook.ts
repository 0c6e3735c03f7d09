import type {
  IncomingMessage,
  RequestListener,
  ServerResponse,
} from 'node:http';
import { answer } from '../../webhook/answer.js';
import { readBody } from '../../webhook/read-body.js';
import { createKeyring, verifyBearer } from '../../webhook/verify-bearer.js';
import { maskSecret } from '../mask-secret.js';
import type { CallMask } from './call.mask.js';
import type { RecordSink } from './record.sink.js';
import { whyUnwritten } from './why-unwritten.js';
import { toLine } from './recorded-call.js';
import type { RecordingCounts } from './recording.counts.js';

const LIMITS = { limitBytes: 10 * 1_048_576, timeoutMs: 30_000 };

const UNREAD = {
  'too-large': {
    status: 413,
    trouble: 'A call of more than 10 MB was answered 413, and not recorded.',
  },
  'too-slow': {
    status: 408,
    trouble:
      'A call took more than 30 s to come, was answered 408, and not recorded.',
  },
  taken: {
    status: 503,
    trouble: 'A call could not be read, was answered 503, and not recorded.',
  },
} as const;

/** What a webhook that records needs. */
export interface RecordWebhook {
  readonly secret: string;
  /** Calls to any other path are answered 404; `undefined` takes each. */
  readonly path: string | undefined;
  readonly mask: CallMask | undefined;
  readonly sink: RecordSink;
  /** Kept up to date. */
  readonly counts: RecordingCounts;
  /** Called after each call. */
  readonly onCall: () => void;
  /** Called with why a call was not recorded, in words that hold nothing of it. */
  readonly onTrouble: (trouble: string) => void;
}

/** A webhook that keeps each call with the right secret, and answers 200 once it is safe. */
export function createRecordWebhook(webhook: RecordWebhook): RequestListener {
  const { secret, path } = webhook;
  const keyring = createKeyring([{ name: 'default', secrets: [secret] }]);
  return (request, response) => {
    const { bot } = verifyBearer(request.headers.authorization, keyring);
    const refusal = refusalOf(request, path) ?? (bot ? undefined : 401);
    if (refusal === undefined) void record(request, response, webhook);
    else refuse(response, refusal, webhook);
  };
}

type Refusal = keyof typeof REFUSED;

const REFUSED = {
  401: 'A call without the right secret was answered 401: compare --secret or XENIOO_SECRET with the API Secret of the bot.',
  404: 'A call to another path was answered 404: see --path.',
  405: 'A call that is no POST was answered 405.',
} as const;

function refusalOf(
  { url = '/', method }: IncomingMessage,
  path: string | undefined,
): Refusal | undefined {
  const isElsewhere =
    path !== undefined && withoutEnd(url) !== withoutEnd(path);
  if (isElsewhere) return 404;
  return method === 'POST' ? undefined : 405;
}

function refuse(
  response: ServerResponse,
  refusal: Refusal,
  { counts, onCall, onTrouble }: RecordWebhook,
): void {
  if (refusal === 401) counts.wrongSecret++;
  else counts.refused++;
  if (refusal === 405) response.setHeader('Allow', 'POST');
  answer(response, refusal);
  onTrouble(REFUSED[refusal]);
  onCall();
}

/** Without query and closing slashes. */
function withoutEnd(url: string): string {
  return url.split('?', 1)[0]!.replace(/\/+$/, '');
}

async function record(
  request: IncomingMessage,
  response: ServerResponse,
  { secret, counts, mask, sink, onCall, onTrouble }: RecordWebhook,
): Promise<void> {
  const read = await readBody(request, LIMITS);
  if (read.outcome === 'broken-off') {
    return onTrouble(
      'A call broke off before it was here, and was not recorded.',
    );
  }
  if (read.outcome !== 'read') {
    const { status, trouble } = UNREAD[read.outcome];
    counts.refused++;
    answer(response, status);
    onTrouble(trouble);
    return onCall();
  }
  const header = request.headers['content-type'];
  const contentType = header && maskSecret(header, secret);
  const call = { receivedAt: new Date(), contentType, text: read.text };
  try {
    const { line, events, isJson } = toLine(call, mask);
    await sink.append(line);
    counts.calls++;
    counts.events += events;
    if (!isJson) counts.notJson++;
    answer(response, 200);
  } catch (error) {
    counts.unwritten++;
    answer(response, 503);
    onTrouble(
      `A call was answered 503, since it can't be written: ${whyUnwritten(error)}.`,
    );
  }
  onCall();
}
