import {
  Inject,
  Injectable,
  Logger,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { HttpAdapterHost, type AbstractHttpAdapter } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  XENIOO_SETTINGS,
  type XeniooSettings,
} from '../options/xenioo.options.js';
import { BotRegistry } from './bot.registry.js';
import { errorLocation } from './error-location.js';
import { gateExpress } from './express.gate.js';
import { gateFastify } from './fastify.gate.js';
import {
  markBodyConsumed,
  readBody,
  type ParsedRequest,
  type ReadBody,
} from './read-body.js';
import {
  attachExchange,
  findExchange,
  rawRequest,
  rawResponse,
  WebhookExchange,
  type HttpRequest,
} from './webhook.exchange.js';
import {
  XENIOO_ROUTE,
  type AuthenticateAndRead,
  type XeniooRoute,
} from './xenioo.route.js';
import { SilenceMonitor } from './silence.monitor.js';
import { XeniooUrls } from './xenioo.urls.js';
import { XeniooWebhookStatus } from './xenioo.webhook-status.js';

/**
 * Handles requests to our route alone, before the host's body parsers:
 * authenticates them first, and only then reads the body, within limits of its own.
 */
@Injectable()
export class XeniooGate {
  private readonly logger = new Logger('Xenioo');
  private readonly closingSockets = new WeakSet<Socket>();
  private findUrl: () => string | undefined = () => undefined;
  private closing = false;

  constructor(
    @Inject(XENIOO_SETTINGS) private readonly settings: XeniooSettings,
    @Inject(XENIOO_ROUTE) readonly route: XeniooRoute,
    readonly bots: BotRegistry,
    private readonly status: XeniooWebhookStatus,
    private readonly urls: XeniooUrls,
    private readonly silence: SilenceMonitor,
    adapterHost: HttpAdapterHost,
  ) {
    // In a testing module the adapter comes later; in an application context there is none.
    adapterHost.init$.subscribe(() => this.attach(adapterHost.httpAdapter));
  }

  /**
   * Returns the URL of the webhook, with every prefix; `undefined` without a server. To be called once the routes are registered.
   * @throws {XeniooOptionsError} when another instance receives at the same URL
   */
  open(): string | undefined {
    const url = this.findUrl();
    if (url === undefined) return undefined;
    this.urls.claim(url, this.route.id);
    this.silence.start(url);
    return url;
  }

  /** URL of the webhook, once the routes are registered. */
  get url(): string | undefined {
    return this.findUrl();
  }

  /** True while the application closes, and after. */
  get isClosing(): boolean {
    return this.closing;
  }

  /** From now on, every answer asks its caller to close the connection: an open one would keep the server from closing. */
  close(): void {
    this.closing = true;
    this.silence.stop();
  }

  /**
   * Authenticates a request and reads its body; answers it if either fails.
   * Resolves to `true` if the request may pass to the controller. Never rejects.
   * @param parsed the request on which the host's parsers left what they read
   */
  async authenticateAndRead(
    request: IncomingMessage,
    response: ServerResponse,
    parsed: ParsedRequest = request as ParsedRequest,
  ): Promise<boolean> {
    const exchange = new WebhookExchange(response, this.status);
    try {
      // A listener of the host must not get the body before we listen too.
      if (request.readableFlowing) request.pause();
      if (this.closing && request.httpVersionMajor === 1) {
        response.setHeader('Connection', 'close');
      }
      const { bot, refusal } = await this.bots.verify(
        request.headers.authorization,
      );
      // A call that is pipelined behind a refused one gets no answer, and does not count.
      if (this.closingSockets.has(request.socket)) return false;
      if (refusal) {
        this.closingSockets.add(request.socket);
        exchange.refuse(refusal, request.socket.remoteAddress);
        return false;
      }
      exchange.setBot(bot);
      this.silence.recordCall();
      const { bodyLimitBytes: limitBytes, bodyTimeoutMs: timeoutMs } =
        this.settings;
      const body = await readBody(request, { limitBytes, timeoutMs }, parsed);
      if (body.outcome !== 'read') {
        this.reject(exchange, request, body.outcome);
        return false;
      }
      markBodyConsumed(request);
      exchange.setBody(body);
      attachExchange(request, this.route.id, exchange);
      return true;
    } catch (error) {
      this.logger.error(`Reading a call failed: ${errorLocation(error)}`);
      exchange.reject(503, 'reading the call failed, see the previous line');
      return false;
    }
  }

  private reject(
    exchange: WebhookExchange,
    { socket }: IncomingMessage,
    outcome: Exclude<ReadBody['outcome'], 'read'>,
  ): void {
    const { bodyLimitBytes, bodyTimeoutMs } = this.settings;
    if (outcome === 'too-large') {
      this.closingSockets.add(socket);
      const reason = `its body is over \`bodyLimit\` (${bodyLimitBytes} bytes); raise it`;
      exchange.reject(413, reason);
    } else if (outcome === 'too-slow') {
      this.closingSockets.add(socket);
      const reason = `its body took longer than \`bodyTimeoutMs\` (${bodyTimeoutMs} ms) to arrive`;
      exchange.reject(408, reason);
    } else if (outcome === 'consumed') {
      exchange.reject(
        503,
        'something of the application read its body before, and left nothing of it; exclude the webhook from it',
      );
    }
  }

  private attach(adapter: AbstractHttpAdapter | null): void {
    if (!adapter) return;
    const { route } = this;
    const authenticateAndRead: AuthenticateAndRead = (request, response) =>
      this.authenticateAndRead(request, response);
    if (adapter.getType() === 'express') {
      this.findUrl = gateExpress(adapter, route, authenticateAndRead);
    } else if (adapter.getType() === 'fastify') {
      this.findUrl = gateFastify(
        adapter.getInstance(),
        route,
        authenticateAndRead,
        url => this.urls.claim(url, route.id),
      );
    }
  }
}

/**
 * Lets no request to the controller without a right secret. As a rule the gate
 * has authenticated it already; not where the host rewrote its URL, or uses an
 * adapter that has no gate.
 */
@Injectable()
export class XeniooGuard implements CanActivate {
  constructor(private readonly gate: XeniooGate) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<HttpRequest & ParsedRequest>();
    const { gate } = this;
    if (findExchange(request, gate.route.id)) return true;
    return gate.authenticateAndRead(
      rawRequest(request),
      rawResponse(http.getResponse()),
      request,
    );
  }
}
