import {
  STATUS_CODES,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { Http2Stream } from 'node:http2';
import type { XeniooBotSettings } from '../options/xenioo.options.js';
import type { DecodedBody } from './decode-body.js';
import type { Refusal } from './verify-bearer.js';
import type { XeniooWebhookStatus } from './xenioo.webhook-status.js';

/** Longest time that guards, interceptors and middleware of the host may keep a call from the controller. */
const REACHES_CONTROLLER_WITHIN_MS = 5_000;

/** The request of Express is that of Node.js; the request of Fastify holds it. */
export type HttpRequest = IncomingMessage | { readonly raw: IncomingMessage };

/** The response of Express is that of Node.js; the reply of Fastify holds it. */
export type HttpResponse =
  ServerResponse | { readonly raw: ServerResponse; hijack(): void };

/** An authenticated call with its body. */
export interface WebhookCall {
  readonly bot: XeniooBotSettings;
  readonly body: DecodedBody;
  readonly receivedAt: Date;
}

/**
 * One request to the webhook and its answer. Every answer of the module is
 * written here, once, and counted here; an answer that the host gives to an
 * authenticated call is noticed when it is sent. The exchange is a
 * property of the request, so its fields are private: loggers of the host print requests.
 */
export class WebhookExchange {
  readonly #response: ServerResponse;
  readonly #status: XeniooWebhookStatus;
  #bot: XeniooBotSettings | undefined;
  #call: WebhookCall | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isHandled = false;
  #isAnswered = false;

  constructor(response: ServerResponse, status: XeniooWebhookStatus) {
    this.#response = response;
    this.#status = status;
  }

  /** True once the controller has begun to handle the call; then the controller answers it. */
  get isHandled(): boolean {
    return this.#isHandled;
  }

  /** Names the bot whose secret was sent: from now on, every answer other than 200 is a strike. */
  setBot(bot: XeniooBotSettings): void {
    this.#bot = bot;
    this.#response.on('finish', () => this.#responseSent());
  }

  /** Makes the call ready for the controller, and rejects it if it does not arrive there in time. */
  setBody(body: DecodedBody, timeoutMs = REACHES_CONTROLLER_WITHIN_MS): void {
    this.#call = { bot: this.#bot!, body, receivedAt: new Date() };
    this.#timer = setTimeout(timedOut, timeoutMs, this).unref();
  }

  /** Hands the call to the controller, once: an interceptor may run the controller again, or the host may have answered. */
  beginHandling(): WebhookCall | undefined {
    clearTimeout(this.#timer);
    if (this.#isHandled || this.#response.headersSent) return undefined;
    this.#isHandled = true;
    const { req: request } = this.#response;
    // The body was read, but perhaps not its end, which listeners of the host may wait for.
    if (request.listenerCount('end') > 0) request.resume();
    return this.#call;
  }

  /** Answers 200. */
  accept(hasEvents: boolean): boolean {
    if (!this.#answer(200)) return false;
    this.#status.recordAccepted(this.#call!.receivedAt, hasEvents);
    return true;
  }

  /** Answers other than 200: a strike, if the call is authenticated. */
  reject(status: number, reason: string, messages?: readonly string[]): void {
    if (!this.#answer(status, messages) || !this.#bot) return;
    this.#status.recordStrike({ status, bot: this.#bot.name, reason });
  }

  /** Answers 401 to a call without a right secret. */
  refuse(reason: Refusal, address: string | undefined): void {
    if (!this.#answer(401)) return;
    this.#status.recordRefused({ reason, address });
  }

  #answer(status: number, messages?: readonly string[]): boolean {
    if (!writeAnswer(this.#response, status, messages)) return false;
    clearTimeout(this.#timer);
    this.#isAnswered = true;
    return true;
  }

  #responseSent(): void {
    if (this.#isAnswered) return;
    clearTimeout(this.#timer);
    const { statusCode: status } = this.#response;
    if (status === 200) return;
    this.#status.recordStrike({
      status,
      bot: this.#bot!.name,
      reason:
        'a middleware, guard, interceptor or filter of the application answered in place of the module; exclude the webhook from it',
    });
  }
}

function timedOut(exchange: WebhookExchange): void {
  exchange.reject(
    503,
    'the call did not reach the controller: a middleware, guard or interceptor of the application did not pass it on; exclude the webhook from it',
  );
}

/** A request with the exchanges of the instances of the module; a WeakMap would slow down every garbage collection. */
type Carrier = IncomingMessage & { [id: symbol]: WebhookExchange | undefined };

/** Attaches an exchange to its request, for the instance with this id. */
export function attachExchange(
  request: IncomingMessage,
  id: symbol,
  exchange: WebhookExchange,
): void {
  (request as Carrier)[id] = exchange;
}

/** Returns the exchange of a request, if the instance with this id has authenticated it. */
export function findExchange(
  request: HttpRequest,
  id: symbol,
): WebhookExchange | undefined {
  return (request as Carrier)[id] ?? (request as { raw?: Carrier }).raw?.[id];
}

/**
 * Returns the exchange of a request that has passed the guard.
 * @throws {Error} when it has not
 */
export function exchangeOf(request: HttpRequest, id: symbol): WebhookExchange {
  const exchange = findExchange(request, id);
  if (exchange) return exchange;
  throw new Error('The guard of the webhook was not asked about a call.');
}

/** Returns the request of Node.js. */
export function rawRequest(request: HttpRequest): IncomingMessage {
  return 'raw' in request ? request.raw : request;
}

/** Returns the response of Node.js, and keeps Fastify from answering as well. */
export function rawResponse(response: HttpResponse): ServerResponse {
  if (!('raw' in response)) return response;
  response.hijack();
  return response.raw;
}

/** Statuses after which nothing more is read from a connection. */
export const CLOSES_CONNECTION: ReadonlySet<number> = new Set([401, 408, 413]);

/**
 * Writes an answer to the response of Node.js: through the interceptors and
 * filters of the host, a 200 would get a body and a 401 become a 500.
 * @returns `false` if the response was already answered or its connection is gone
 */
export function writeAnswer(
  response: ServerResponse,
  status: number,
  messages?: readonly string[],
): boolean {
  if (response.headersSent || response.destroyed) return false;
  response.statusCode = status;
  if (status === 200) {
    response.end();
    return true;
  }
  const body = messages && Buffer.from(errorBody(status, messages));
  if (body) response.setHeader('Content-Type', 'application/json');
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  const closes = CLOSES_CONNECTION.has(status);
  const { stream } = response as ServerResponse & { stream?: Http2Stream };
  if (closes && !stream) response.setHeader('Connection', 'close');
  response.setHeader('Content-Length', body?.length ?? 0);
  response.end(body);
  // HTTP/2 has no such header, and would keep the stream of an unfinished call open.
  if (closes) stream?.close();
  return true;
}

/** Builds the JSON of an error answer, in the shape of Nest's own. */
function errorBody(status: number, message: readonly string[]): string {
  return JSON.stringify({
    statusCode: status,
    message,
    error: STATUS_CODES[status],
  });
}
