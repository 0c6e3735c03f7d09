import * as http from 'node:http';
import * as https from 'node:https';

/** Result of one call. */
export interface XeniooAnswer {
  /** Status of the answer. Without an answer, `timeout` or the code of the error, such as `ECONNREFUSED`. */
  readonly outcome: number | string;
  /** Absent without an answer. */
  readonly status?: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Text of the answer, 64 KB at most. */
  readonly body: string;
  /** Time from the first byte sent to the last one received. */
  readonly latencyMs: number;
  /** True if an earlier call used the same connection. */
  readonly reusedConnection: boolean;
  /** Reason why Xenioo counts the call as failed; absent if it was answered 200. */
  readonly failure?: string;
}

/** A call to make. */
export interface PostRequest {
  readonly url: URL;
  readonly body: string | Uint8Array;
  readonly headers: http.OutgoingHttpHeaders;
  readonly timeoutMs: number;
  readonly agent: http.Agent;
  /** Sends the body in chunks, without `Content-Length`. */
  readonly chunked: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Codes of a connection that the server has closed. */
const CLOSED = new Set<number | string>(['ECONNRESET', 'EPIPE']);

const MAX_ANSWER_BYTES = 65_536;

/** Time in milliseconds after which a closed connection means that the server has received the call. */
const UNSEEN_LIMIT_MS = 1_000;

/** Makes one call. Resolves to an answer for failures too; rejects only if the signal aborts. */
export async function post(call: PostRequest): Promise<XeniooAnswer> {
  for (;;) {
    const { isUnseen, ...answer } = await postOnce(call);
    // Repeats the call: the server closed the kept connection before it received it.
    if (!isUnseen) return answer;
  }
}

async function postOnce(
  call: PostRequest,
): Promise<XeniooAnswer & { isUnseen: boolean }> {
  const startedAt = performance.now();
  const outgoing = sendRequest(call);
  let isTimedOut = false;
  let isAnswered = false;
  outgoing.once('response', () => (isAnswered = true));
  const timer = setTimeout(() => {
    isTimedOut = true;
    outgoing.destroy();
  }, call.timeoutMs);
  const result = await answerTo(outgoing)
    .catch((error: unknown) => {
      call.signal?.throwIfAborted();
      return isTimedOut ? timedOut(call.timeoutMs) : failedWith(error);
    })
    .finally(() => clearTimeout(timer));
  const latencyMs = performance.now() - startedAt;
  const { reusedSocket: reusedConnection } = outgoing;
  const isUnseen =
    reusedConnection &&
    !isAnswered &&
    CLOSED.has(result.outcome) &&
    latencyMs < UNSEEN_LIMIT_MS;
  return { ...result, latencyMs, reusedConnection, isUnseen };
}

function sendRequest({
  url,
  body,
  headers,
  agent,
  chunked,
  signal,
}: PostRequest) {
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

type Result = Omit<XeniooAnswer, 'latencyMs' | 'reusedConnection'>;

function answerTo(outgoing: http.ClientRequest): Promise<Result> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(resultOf(response, []));
    });
    outgoing.on('response', response => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        if (length < MAX_ANSWER_BYTES) chunks.push(chunk);
        length += chunk.length;
      });
      response.on('error', reject);
      response.on('end', () => resolve(resultOf(response, chunks)));
    });
  });
}

function resultOf(
  { statusCode, headers }: http.IncomingMessage,
  chunks: readonly Buffer[],
): Result {
  const status = statusCode!;
  const text = Buffer.concat(chunks).toString('utf8', 0, MAX_ANSWER_BYTES);
  return {
    outcome: status,
    status,
    headers,
    body: text,
    ...(status !== 200 && { failure: `was answered ${status}` }),
  };
}

function timedOut(timeoutMs: number): Result {
  const failure = `had no answer within ${timeoutMs} ms`;
  return { outcome: 'timeout', headers: {}, body: '', failure };
}

function failedWith(error: unknown): Result {
  const { code, name } = error as NodeJS.ErrnoException;
  const outcome = code ?? name;
  const failure = `had no answer: ${outcome}`;
  return { outcome, headers: {}, body: '', failure };
}
