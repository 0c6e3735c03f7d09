import type { INestApplication } from '@nestjs/common';
import type { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { recordingOf } from './recording.js';
import {
  webhookOf,
  type Webhook,
  type XeniooWebhookChoice,
} from './webhook-of.js';
import type { XeniooReport } from '../simulator/xenioo-report.js';
import { XeniooTestingError } from '../simulator/xenioo-testing.errors.js';
import type {
  XeniooSenderOptions,
  XeniooSendOptions,
} from '../simulator/xenioo.sender-options.js';
import { XeniooSender } from '../simulator/xenioo.sender.js';

/** How the service calls an application under test. */
export interface XeniooSenderForOptions
  extends XeniooWebhookChoice, Omit<XeniooSenderOptions, 'url' | 'secret'> {
  /**
   * API Secret that is sent.
   * @default that of the bot, as the application is configured
   */
  readonly secret?: string;
}

/** How entries are delivered to an application under test. */
export interface XeniooDeliverOptions
  extends XeniooSenderForOptions, XeniooSendOptions {}

/**
 * Sends an entry, or a list of them, to an initialised application over HTTP,
 * one a call unless they are `grouped`; it need not listen: then it does, on a
 * free port. Resolves when all is answered; `idle()` when it is handled.
 * @throws {XeniooTestingError} when a call is not answered 200; for other answers see {@link senderFor}
 *
 * @example
 * ```ts
 * await deliver(app, xeniooEntry.userMessage({ Data: 'Hello!' }));
 * await idle(app);
 * ```
 */
export async function deliver(
  app: INestApplication,
  entries: unknown,
  options: XeniooDeliverOptions = {},
): Promise<XeniooReport> {
  const sender = await senderFor(app, options);
  try {
    const report = await sender.send(entries, options);
    assertAnswered(report);
    return report;
  } finally {
    sender.close();
  }
}

/**
 * The service, set up to call an initialised application; it need not listen.
 * @throws {XeniooTestingError} when it is not clear which webhook to call
 */
export async function senderFor(
  app: INestApplication,
  { bot, path, secret, ...options }: XeniooSenderForOptions = {},
): Promise<XeniooSender> {
  recordingOf(app);
  const webhook = webhookOf(app, {
    ...(bot !== undefined && { bot }),
    ...(path !== undefined && { path }),
    ...(secret !== undefined && { secret }),
  });
  const url = new URL(webhook.path, await originOf(app, webhook));
  // The certificate of an app under test is its own business.
  const trust = { rejectUnauthorized: false };
  return new XeniooSender({
    ...trust,
    ...options,
    secret: webhook.secret,
    url,
  });
}

const LISTENING = new WeakMap<INestApplication, Promise<unknown>>();

async function originOf(
  app: INestApplication,
  { isEnding }: Webhook,
): Promise<string> {
  const server = app.getHttpServer() as HttpServer;
  if (!server.listening && !isEnding) {
    const listening = LISTENING.get(app) ?? listen(app, server);
    LISTENING.set(app, listening);
    await listening;
  }
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new XeniooTestingError(
      'The application has no port: it was closed, or listens on a socket. Make it afresh, or let it listen on a port.',
    );
  }
  const scheme = server instanceof HttpsServer ? 'https' : 'http';
  return `${scheme}://${hostOf(address)}:${address.port}`;
}

/** Where the app is closed meanwhile, its own promise never settles. */
async function listen(
  app: INestApplication,
  server: HttpServer,
): Promise<void> {
  const closed = new Promise(resolve => server.once('close', resolve));
  await Promise.race([app.listen(0, '127.0.0.1'), closed]);
}

function hostOf({ address, family }: AddressInfo): string {
  if (address === '::' || address === '0.0.0.0') return '127.0.0.1';
  return family === 'IPv6' ? `[${address}]` : address;
}

function assertAnswered({
  calls,
  failed,
  outcomes,
  stopped,
}: XeniooReport): void {
  if (failed === 0) return;
  const came = Object.entries(outcomes)
    .map(([outcome, times]) => `${outcome} (${times}×)`)
    .join(', ');
  throw new XeniooTestingError(
    `${failed} of ${calls} calls failed, where Xenioo expects 200: ${came}. ${stopped ?? 'The log of the application may say why'}. To test other answers, use senderFor(app).`,
  );
}
