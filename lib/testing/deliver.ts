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

/** Options of calling an application under test. */
export interface XeniooSenderForOptions
  extends XeniooWebhookChoice, Omit<XeniooSenderOptions, 'url' | 'secret'> {
  /**
   * API Secret to send.
   * @default the secret of the bot in the options of the application
   */
  readonly secret?: string;
}

/** Options of delivering entries to an application under test. */
export interface XeniooDeliverOptions
  extends XeniooSenderForOptions, XeniooSendOptions {}

/**
 * Sends an entry, or a list of entries, to an initialised application over HTTP, one
 * per call unless they are `grouped`. Lets the application listen on a free port if it
 * does not listen yet. Resolves when every call is answered; use `idle()` to wait for
 * the handlers.
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
 * Creates a sender that calls an initialised application. Lets the application listen
 * on a free port if it does not listen yet.
 * @throws {XeniooTestingError} when it has no webhook, or several that match
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
  // An app under test may have a self-signed certificate.
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
  { isClosing }: Webhook,
): Promise<string> {
  const server = app.getHttpServer() as HttpServer;
  if (!server.listening && !isClosing) {
    const listening = LISTENING.get(app) ?? listen(app, server);
    LISTENING.set(app, listening);
    await listening;
  }
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new XeniooTestingError(
      'The application has no port: it was closed, or listens on a Unix socket. Create a new application, or let it listen on a port.',
    );
  }
  const scheme = server instanceof HttpsServer ? 'https' : 'http';
  return `${scheme}://${hostOf(address)}:${address.port}`;
}

/** Resolves when the app listens or is closed: if it is closed meanwhile, `app.listen()` never settles. */
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
  const counts = Object.entries(outcomes)
    .map(([outcome, times]) => `${outcome} (${times}×)`)
    .join(', ');
  throw new XeniooTestingError(
    `Calls not answered 200: ${failed} of ${calls}. Outcomes: ${counts}. ${stopped ?? 'See the log of the application for the reason'}. To test other answers, use senderFor(app).`,
  );
}
