import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost, type AbstractHttpAdapter } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { XENIOO_SETTINGS, type XeniooSettings } from '../options/xenioo.options.js';
import { answer, CLOSES_CONNECTION } from './answer.js';
import { gateExpress } from './express.gate.js';
import { gateFastify } from './fastify.gate.js';
import { readBody, type ParsedRequest } from './read-body.js';
import { createCallWatch, XeniooCall } from './xenioo.call.js';
import { XeniooHookRecorder } from './xenioo.hook-recorder.js';
import { XeniooKeyring } from './xenioo.keyring.js';
import { XENIOO_ROUTE, type Admit, type XeniooRoute } from './xenioo.route.js';
import { XeniooUrls } from './xenioo.urls.js';

/** What is answered where a body could not be read, and why. */
const UNREAD = {
  'too-large': ({ bodyLimitBytes }: XeniooSettings) => ({
    status: 413,
    reason: `its body is over \`bodyLimit\` (${bodyLimitBytes} bytes); raise it`,
  }),
  'too-slow': ({ bodyTimeoutMs }: XeniooSettings) => ({
    status: 408,
    reason: `its body took longer than \`bodyTimeoutMs\` (${bodyTimeoutMs} ms) to arrive`,
  }),
  taken: () => ({
    status: 503,
    reason:
      'something of the application read its body before, and left nothing of it; keep that away from the webhook',
  }),
};

/** A request with the call that it brought; a WeakMap of them would slow down every collection of garbage. */
type Carrier = IncomingMessage & { [call: symbol]: XeniooCall | undefined };

/**
 * Stands before the host's body parsers, on our route alone: checks the secret
 * first, and only then reads the body, within limits of its own.
 */
@Injectable()
export class XeniooGate {
  private readonly call = Symbol('XeniooCall');
  private readonly closing = new WeakSet<Socket>();
  private readonly watch = createCallWatch();
  private findUrl: () => string | undefined = () => undefined;
  private ending = false;

  constructor(
    @Inject(XENIOO_SETTINGS) private readonly settings: XeniooSettings,
    @Inject(XENIOO_ROUTE) private readonly route: XeniooRoute,
    readonly keyring: XeniooKeyring,
    private readonly recorder: XeniooHookRecorder,
    private readonly urls: XeniooUrls,
    adapterHost: HttpAdapterHost,
  ) {
    // In a testing module the adapter comes later; in an application context there is none.
    adapterHost.init$.subscribe(() => this.attach(adapterHost.httpAdapter));
  }

  /**
   * Where the calls come in, with every prefix; none without a server. For when the routes are there.
   * @throws {XeniooOptionsError} where another instance receives at the same URL
   */
  open(): string | undefined {
    const url = this.findUrl();
    if (url !== undefined) this.urls.claim(url, this.route.id);
    return url;
  }

  /** Where the calls come in, once the routes are there. */
  get url(): string | undefined {
    return this.findUrl();
  }

  /** Whether the application ends, or has ended. */
  get isEnding(): boolean {
    return this.ending;
  }

  /** The application ends: whoever calls from now on is told that the connection does too, or the server could not close. */
  end(): void {
    this.ending = true;
  }

  /** The call that a request brought, if its secret was right. */
  callOf(request: IncomingMessage): XeniooCall | undefined {
    return (request as Carrier)[this.call];
  }

  /** Lets a request with the right secret pass, its body read; answers any other itself. */
  async admit(
    request: IncomingMessage,
    response: ServerResponse,
    parsed?: ParsedRequest,
  ): Promise<boolean> {
    // What is pipelined behind a refused call will get no answer: it counts for nothing.
    if (this.closing.has(request.socket)) return false;
    if (this.ending && request.httpVersionMajor === 1) {
      response.setHeader('Connection', 'close');
    }
    const { authorization } = request.headers;
    const verdict = this.keyring.verify(authorization);
    const { bot, refusal } = 'then' in verdict ? await verdict : verdict;
    if (refusal) {
      this.recorder.refuse(refusal, request.socket.remoteAddress);
      return this.refuse(request, response, 401);
    }
    const { bodyLimitBytes: limitBytes, bodyTimeoutMs: timeoutMs } =
      this.settings;
    const body = await readBody(request, { limitBytes, timeoutMs }, parsed);
    if (body.outcome === 'read') {
      const { text } = body;
      (request as Carrier)[this.call] = new XeniooCall(
        bot,
        text,
        new Date(),
        response,
        this.recorder,
        this.watch,
      );
      return true;
    }
    if (body.outcome === 'broken-off') return false;
    const { status, reason } = UNREAD[body.outcome](this.settings);
    this.recorder.strike({ status, bot: bot.name, reason });
    return this.refuse(request, response, status);
  }

  private refuse(
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
  ): false {
    if (CLOSES_CONNECTION.has(status)) this.closing.add(request.socket);
    answer(response, status);
    return false;
  }

  private attach(adapter: AbstractHttpAdapter | null): void {
    const admit: Admit = (request, response) => this.admit(request, response);
    if (!adapter) return;
    const type = adapter.getType();
    if (type === 'express') {
      this.findUrl = gateExpress(adapter, this.route, admit);
    } else if (type === 'fastify') {
      this.findUrl = gateFastify(
        adapter.getInstance(),
        this.route,
        admit,
        url => this.urls.claim(url, this.route.id),
      );
    }
  }
}
