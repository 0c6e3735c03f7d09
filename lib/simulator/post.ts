import * as http from 'node:http';
import * as https from 'node:https';

/** What came of one call. */
export interface XeniooAnswer {
  /** The status; without one, `timeout` or the code of the error: `ECONNREFUSED`, `ECONNRESET` … */
  readonly outcome: number | string;
  /** Absent where no answer came. */
  readonly status?: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Text of the answer, no more than its first 64 KB. */
  readonly body: string;
  /** From the first byte sent to the last one received. */
  readonly latencyMs: number;
  /** Whether the connection was that of an earlier call. */
  readonly reusedConnection: boolean;
  /** Why Xenioo counts the call as failed; absent where it was answered 200. */
  readonly failure?: string;
}

export interface Post {
  readonly url: URL;
  readonly body: string | Uint8Array;
  readonly headers: http.OutgoingHttpHeaders;
  readonly timeoutMs: number;
  readonly agent: http.Agent;
  /** Whether the body goes in pieces, without a length. */
  readonly chunked: boolean;
  readonly signal?: AbortSignal | undefined;
}

const BROKEN = new Set<number | string>(['ECONNRESET', 'EPIPE']);

const LONGEST_ANSWER = 65_536;

/** A server that held a call longer than this before it broke off has seen it. */
const UNSEEN_WITHIN_MS = 1_000;

/** Makes one call. Whatever comes of it is an answer; rejects only where the signal aborts it. */
export async function post(call: Post): Promise<XeniooAnswer> {
  for (;;) {
    const { isUnseen, ...answer } = await postOnce(call);
    // The server closed a connection that was kept while the call went out.
    if (!isUnseen) return answer;
  }
}

async function postOnce(
  call: Post,
): Promise<XeniooAnswer & { isUnseen: boolean }> {
  const startedAt = performance.now();
  const outgoing = begin(call);
  let isLate = false;
  let isAnswered = false;
  outgoing.once('response', () => (isAnswered = true));
  const timer = setTimeout(() => {
    isLate = true;
    outgoing.destroy();
  }, call.timeoutMs);
  const given = await answerTo(outgoing)
    .catch((error: unknown) => {
      call.signal?.throwIfAborted();
      return isLate ? lateBy(call.timeoutMs) : brokenBy(error);
    })
    .finally(() => clearTimeout(timer));
  const latencyMs = performance.now() - startedAt;
  const { reusedSocket: reusedConnection } = outgoing;
  const isUnseen =
    reusedConnection &&
    !isAnswered &&
    BROKEN.has(given.outcome) &&
    latencyMs < UNSEEN_WITHIN_MS;
  return { ...given, latencyMs, reusedConnection, isUnseen };
}

function begin({ url, body, headers, agent, chunked, signal }: Post) {
  const { request } = url.protocol === 'https:' ? https : http;
  const length = chunked
    ? { 'transfer-encoding': 'chunked' }
    : { 'content-length': Buffer.byteLength(body) };
  const outgoing = request(url, {
    method: 'POST',
    agent,
    headers: { ...length, ...headers },
    ...(signal && { signal }),
  });
  if (!chunked) return outgoing.end(body);
  const bytes = Buffer.from(body);
  const middle = Math.floor(bytes.length / 2);
  if (middle > 0) outgoing.write(bytes.subarray(0, middle));
  return outgoing.end(bytes.subarray(middle));
}

type Given = Omit<XeniooAnswer, 'latencyMs' | 'reusedConnection'>;

function answerTo(outgoing: http.ClientRequest): Promise<Given> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(givenBy(response, []));
    });
    outgoing.on('response', response => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        if (length < LONGEST_ANSWER) chunks.push(chunk);
        length += chunk.length;
      });
      response.on('error', reject);
      response.on('end', () => resolve(givenBy(response, chunks)));
    });
  });
}

function givenBy(
  { statusCode, headers }: http.IncomingMessage,
  chunks: readonly Buffer[],
): Given {
  const status = statusCode!;
  const text = Buffer.concat(chunks).toString('utf8', 0, LONGEST_ANSWER);
  return {
    outcome: status,
    status,
    headers,
    body: text,
    ...(status !== 200 && { failure: `was answered ${status}` }),
  };
}

function lateBy(timeoutMs: number): Given {
  const failure = `had no answer within ${timeoutMs} ms`;
  return { outcome: 'timeout', headers: {}, body: '', failure };
}

function brokenBy(error: unknown): Given {
  const { code, name } = error as NodeJS.ErrnoException;
  const outcome = code ?? name;
  const failure = `had no answer: ${outcome}`;
  return { outcome, headers: {}, body: '', failure };
}
