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
import { addExpressGate } from './express.gate.js';
import { addFastifyGate } from './fastify.gate.js';
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
 * Authenticates requests to the webhook and then reads their bodies, within the
 * limits of the module and before the body parsers of the application.
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
    /** Absent without `expectCallsWithinMinutes`. */
    @Inject(SilenceMonitor)
    private readonly silence: SilenceMonitor | undefined,
    adapterHost: HttpAdapterHost,
  ) {
    // In a testing module the adapter is set later; in an application context there is none.
    adapterHost.init$.subscribe(() => this.attach(adapterHost.httpAdapter));
  }

  /**
   * Claims and returns the final URL of the webhook, once the routes are registered; returns `undefined` without an HTTP server.
   * @throws {XeniooOptionsError} if another instance has the same URL
   */
  open(): string | undefined {
    const url = this.findUrl();
    if (url === undefined) return undefined;
    this.urls.claim(url, this.route.id);
    this.urls.add(url, () => this.bots.all.map(({ name }) => name));
    this.silence?.start(url);
    return url;
  }

  /** Final URL of the webhook; `undefined` before the routes are registered. */
  get url(): string | undefined {
    return this.findUrl();
  }

  /** True once the application has begun to shut down. */
  get isClosing(): boolean {
    return this.closing;
  }

  /** Makes every further answer close its connection, since open connections keep the server from closing. */
  close(): void {
    this.closing = true;
    this.silence?.stop();
  }

  /**
   * Authenticates a request and reads its body; answers it if either fails. Never rejects.
   * @param parsed the request of the framework, with the results of body parsers of the application
   * @returns true if the request may pass to the controller
   */
  async authenticateAndRead(
    request: IncomingMessage,
    response: ServerResponse,
    parsed: ParsedRequest = request as ParsedRequest,
  ): Promise<boolean> {
    const exchange = new WebhookExchange(response, this.status);
    try {
      // Keeps listeners of the application from reading the body first.
      if (request.readableFlowing) request.pause();
      if (this.closing && request.httpVersionMajor === 1) {
        response.setHeader('Connection', 'close');
      }
      const { bot, refusal } = await this.bots.verify(
        request.headers.authorization,
      );
      // A call that is pipelined behind a refused one is not answered or counted.
      if (this.closingSockets.has(request.socket)) return false;
      if (refusal) {
        this.closingSockets.add(request.socket);
        exchange.refuse(refusal, request.socket.remoteAddress);
        return false;
      }
      exchange.setBot(bot);
      this.silence?.recordCall();
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
      this.logger.error(
        `Reading a webhook call failed. Please report it: ${errorLocation(error)}`,
      );
      exchange.reject(
        503,
        'reading the call failed; see the error logged before',
      );
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
      const reason = `the body exceeds \`bodyLimit\` (${bodyLimitBytes} bytes); raise the limit`;
      exchange.reject(413, reason);
    } else if (outcome === 'too-slow') {
      this.closingSockets.add(socket);
      const reason = `the body did not arrive within \`bodyTimeoutMs\` (${bodyTimeoutMs} ms); if the network is slow, raise it`;
      exchange.reject(408, reason);
    } else if (outcome === 'consumed') {
      exchange.reject(
        503,
        'code of the application read the body first, and left no `body` or `rawBody`; exclude the webhook from it',
      );
    }
  }

  private attach(adapter: AbstractHttpAdapter | null): void {
    if (!adapter) return;
    const { route } = this;
    const authenticateAndRead: AuthenticateAndRead = (request, response) =>
      this.authenticateAndRead(request, response);
    if (adapter.getType() === 'express') {
      this.findUrl = addExpressGate(adapter, route, authenticateAndRead);
    } else if (adapter.getType() === 'fastify') {
      this.findUrl = addFastifyGate(
        adapter.getInstance(),
        route,
        authenticateAndRead,
        url => this.urls.claim(url, route.id),
      );
    }
  }
}

/**
 * Denies requests that are not authenticated. Usually the gate has authenticated a
 * request before; it has not if the application rewrote the URL, or uses an HTTP
 * adapter other than Express and Fastify.
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
