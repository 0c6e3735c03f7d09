import type { INestApplicationContext } from '@nestjs/common';
import { XeniooGate } from '../webhook/xenioo.gate.js';
import { XeniooTestingError } from '../simulator/xenioo-testing.errors.js';

/** Which webhook of an application, where it has several bots or instances of the module. */
export interface XeniooWebhookChoice {
  /**
   * Your name for the bot whose secret is sent.
   * @default the first one
   */
  readonly bot?: string;
  /** Path of the webhook, as the module was given it or with its prefixes; for applications that have several. */
  readonly path?: string;
}

/** Where a webhook is, and a secret that opens it. */
export interface Webhook {
  readonly path: string;
  readonly secret: string;
  /** Whether the application is closed, or closes. */
  readonly isEnding: boolean;
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
      'Only an application that answers HTTP can be called: make one of the testing module by `createNestApplication()`.',
    );
  }
  const all = app
    .get(XeniooGate, { strict: false, each: true })
    .flatMap(({ url, bots, isClosing }) =>
      url === undefined
        ? []
        : [{ path: url, bots: bots.all, isEnding: isClosing }],
    );
  const found = all.filter(
    webhook =>
      (path === undefined || isPath(path, webhook.path)) &&
      (bot === undefined || webhook.bots.some(({ name }) => name === bot)),
  );
  if (found.length !== 1) throw noOneWebhook(all, found.length);
  const [{ path: foundPath, bots, isEnding }] = found as [(typeof found)[0]];
  const chosen =
    bot === undefined ? bots[0] : bots.find(({ name }) => name === bot);
  const known = secret ?? chosen?.secrets[0];
  if (known !== undefined) {
    return { path: foundPath, secret: known, isEnding };
  }
  throw new XeniooTestingError(
    `POST ${foundPath} has no bot: the function \`bots\` answered with none. Give a \`secret\`.`,
  );
}

/** Whether it is the path, with its prefixes or as the module was given it. */
function isPath(given: string, path: string): boolean {
  const bare = given.replace(/^\/|\/$/g, '');
  return path === `/${bare}` || path.endsWith(`/${bare}`);
}

function noOneWebhook(
  all: readonly { path: string; bots: readonly { name: string }[] }[],
  found: number,
): XeniooTestingError {
  if (all.length === 0) {
    return new XeniooTestingError(
      'The application has no webhook yet: call `await app.init()` before.',
    );
  }
  const list = all
    .map(({ path, bots }) => `${path} (${bots.map(b => b.name).join(', ')})`)
    .join(' and ');
  return new XeniooTestingError(
    `${found === 0 ? 'No webhook of the application is' : `${found} webhooks of the application are`} the one that \`bot\` and \`path\` ask for; it has ${list}.`,
  );
}
