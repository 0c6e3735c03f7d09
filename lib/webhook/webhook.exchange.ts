import {
  STATUS_CODES,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { Http2Stream } from 'node:http2';
import type { XeniooBotSettings } from '../options/xenioo.options.js';
import type { DecodedBody } from './decode-body.js';
import { routeOfApplication } from './express.gate.js';
import type { Refusal } from './verify-bearer.js';
import type { XeniooWebhookStatus } from './xenioo.webhook-status.js';

/** Longest time that middleware, guards and interceptors of the application may take before the controller is called. */
const CONTROLLER_TIMEOUT_MS = 5_000;

/** A request of Express, which is that of Node.js, or of Fastify, which has it as `raw`. */
export type HttpRequest = IncomingMessage | { readonly raw: IncomingMessage };

/** A response of Express, which is that of Node.js, or a reply of Fastify, which has it as `raw`. */
export type HttpResponse =
  ServerResponse | { readonly raw: ServerResponse; hijack(): void };

/** An authenticated call with its body. */
export interface WebhookCall {
  readonly bot: XeniooBotSettings;
  readonly body: DecodedBody;
  readonly receivedAt: Date;
}

/**
 * One request to the webhook and its answer. Every answer of the module is written
 * and counted here. An answer that the application gives to an authenticated call is
 * counted when it is sent. The fields are private because the exchange is a property
 * of the request, which loggers of the application may print.
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

  /** True once the controller handles the call. From then on, only the controller answers it. */
  get isHandled(): boolean {
    return this.#isHandled;
  }

  /** Sets the bot whose secret was sent. From then on, every answer other than 200 is a strike. */
  setBot(bot: XeniooBotSettings): void {
    this.#bot = bot;
    this.#response.on('finish', () => this.#responseSent());
  }

  /** Sets the body, and answers 503 if the controller is not called within `timeoutMs`. */
  setBody(body: DecodedBody, timeoutMs = CONTROLLER_TIMEOUT_MS): void {
    this.#call = { bot: this.#bot!, body, receivedAt: new Date() };
    this.#timer = setTimeout(timedOut, timeoutMs, this, timeoutMs).unref();
  }

  /** Returns the call to the controller. Returns `undefined` if the call was handled before, as by an interceptor that retries, or answered by the application. */
  beginHandling(): WebhookCall | undefined {
    clearTimeout(this.#timer);
    if (this.#isHandled || this.#response.headersSent) return undefined;
    this.#isHandled = true;
    const { req: request } = this.#response;
    // Lets the request emit `end`, which listeners of the application may wait for.
    if (request.listenerCount('end') > 0) request.resume();
    return this.#call;
  }

  /** Answers 200; returns false if the call was already answered or aborted. */
  accept(hasEvents: boolean): boolean {
    if (!this.#answer(200)) return false;
    this.#status.recordAccepted(this.#call!.receivedAt, hasEvents);
    return true;
  }

  /** Answers with an error status, which is a strike if the call is authenticated. */
  reject(status: number, reason: string, messages?: readonly string[]): void {
    if (!this.#answer(status, messages) || !this.#bot) return;
    this.#status.recordStrike({ status, bot: this.#bot.name, reason });
  }

  /** Answers 401 to a call that is not authenticated. */
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
    const { statusCode: status, req: request } = this.#response;
    if (status === 200) return;
    const route = routeOfApplication(request);
    this.#status.recordStrike({
      status,
      bot: this.#bot!.name,
      reason:
        route === undefined
          ? 'a middleware, guard, interceptor or filter of the application answered before the module; exclude the webhook from it'
          : `the route ${route} of the application matches the webhook and answered first; exclude the webhook from it, or move it to a module that is imported after XeniooModule`,
    });
  }
}

function timedOut(exchange: WebhookExchange, timeoutMs: number): void {
  exchange.reject(
    503,
    `the controller was not called within ${timeoutMs} ms because of a middleware, guard or interceptor of the application; exclude the webhook from it`,
  );
}

/** A request with an exchange per instance of the module. A WeakMap would slow down every garbage collection. */
type RequestWithExchanges = IncomingMessage & {
  [id: symbol]: WebhookExchange | undefined;
};

/** Attaches an exchange to its request, for the instance with this id. */
export function attachExchange(
  request: IncomingMessage,
  id: symbol,
  exchange: WebhookExchange,
): void {
  (request as RequestWithExchanges)[id] = exchange;
}

/** Returns the exchange of a request, if the instance with this id has authenticated it. */
export function findExchange(
  request: HttpRequest,
  id: symbol,
): WebhookExchange | undefined {
  return (
    (request as RequestWithExchanges)[id] ??
    (request as { raw?: RequestWithExchanges }).raw?.[id]
  );
}

/**
 * Returns the exchange of a request that has passed the guard.
 * @throws {Error} if it has not
 */
export function exchangeOf(request: HttpRequest, id: symbol): WebhookExchange {
  const exchange = findExchange(request, id);
  if (exchange) return exchange;
  throw new Error(
    'A webhook call reached the controller without passing the guard of the module.',
  );
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

/** Statuses after which the connection is closed. */
export const CLOSES_CONNECTION: ReadonlySet<number> = new Set([401, 408, 413]);

/**
 * Writes an answer directly to the response of Node.js: interceptors and filters of
 * the application could add a body to a 200 or turn a 401 into a 500.
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
  // HTTP/2 has no `Connection` header, and would keep the stream of an unfinished call open.
  if (closes) stream?.close();
  return true;
}

/** Returns the JSON of an error answer, in the format of Nest's own. */
function errorBody(status: number, message: readonly string[]): string {
  return JSON.stringify({
    statusCode: status,
    message,
    error: STATUS_CODES[status],
  });
}
