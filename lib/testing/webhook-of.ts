import type { INestApplicationContext } from '@nestjs/common';
import { XeniooGate } from '../webhook/xenioo.gate.js';
import { XeniooTestingError } from '../simulator/xenioo-testing.errors.js';

/** Selects a webhook of an application that has several bots or several instances of the module. */
export interface XeniooWebhookChoice {
  /**
   * Name of the bot whose secret is sent.
   * @default the first bot
   */
  readonly bot?: string;
  /** Path of the webhook, with or without global prefix; required if the application has several. */
  readonly path?: string;
}

/** A webhook and the secret to call it with. */
export interface Webhook {
  readonly path: string;
  readonly secret: string;
  /** True if the application is closed or being closed. */
  readonly isClosing: boolean;
}

/**
 * Finds a webhook of an initialised application, and the secret to call it with.
 * @throws {XeniooTestingError} when there is none, or more than one to choose from
 */
export function webhookOf(
  app: INestApplicationContext,
  { bot, path, secret }: XeniooWebhookChoice & { readonly secret?: string },
): Webhook {
  if (!('getHttpServer' in app)) {
    throw new XeniooTestingError(
      'Expected an HTTP application, got an application context or a testing module. Create one with `createNestApplication()`.',
    );
  }
  const all = app
    .get(XeniooGate, { strict: false, each: true })
    .flatMap(({ url, bots, isClosing }) =>
      url === undefined
        ? []
        : [{ path: url, bots: bots.all, isClosing: isClosing }],
    );
  const found = all.filter(
    webhook =>
      (path === undefined || isPath(path, webhook.path)) &&
      (bot === undefined || webhook.bots.some(({ name }) => name === bot)),
  );
  if (found.length !== 1) throw noSingleWebhookError(all, found.length);
  const [{ path: foundPath, bots, isClosing }] = found as [(typeof found)[0]];
  const chosen =
    bot === undefined ? bots[0] : bots.find(({ name }) => name === bot);
  const known = secret ?? chosen?.secrets[0];
  if (known !== undefined) {
    return { path: foundPath, secret: known, isClosing };
  }
  throw new XeniooTestingError(
    `POST ${foundPath} has no bot: the function \`bots\` returned an empty list. Give \`secret\` in the options.`,
  );
}

/** Returns true if a given path, with or without prefixes, is that of a webhook. */
function isPath(given: string, path: string): boolean {
  const bare = given.replace(/^\/|\/$/g, '');
  return path === `/${bare}` || path.endsWith(`/${bare}`);
}

function noSingleWebhookError(
  all: readonly { path: string; bots: readonly { name: string }[] }[],
  found: number,
): XeniooTestingError {
  if (all.length === 0) {
    return new XeniooTestingError(
      'The application has no webhook yet. Call `await app.init()` first.',
    );
  }
  const list = all
    .map(({ path, bots }) => `${path} (${bots.map(b => b.name).join(', ')})`)
    .join(' and ');
  return new XeniooTestingError(
    `${found === 0 ? 'No webhook of the application matches' : `${found} webhooks of the application match`} \`bot\` and \`path\`; it has ${list}.`,
  );
}
