import { STATUS_CODES } from 'node:http';
import { getSystemErrorMap } from 'node:util';
import { formatMs } from './format.js';

/** Status of an answer; without an answer `timeout`, or the code of the error. */
export type CallOutcome = number | string;

const ANSWER_FIRST =
  'Save the events (a queue, a table), answer 200, and handle them afterwards. How long Xenioo waits is not documented.';

const PROXY_OR_APP =
  'The answer comes from a proxy, or from an app that starts, stops or is overloaded: see the logs of both, and keep the app up during deployments. With XeniooModule, the inbox is full or down.';

const TRUSTED_CERTIFICATE =
  "Use a certificate of a public authority, such as Let's Encrypt, and send its intermediate certificates too (fullchain.pem, not cert.pem). To run this command before you have one, let Node.js trust yours: NODE_EXTRA_CA_CERTS=<file>.";

/** Fix of each outcome that Xenioo counts as a failed call; the first match applies. */
const FIXES: readonly (readonly [outcome: RegExp, fix: string])[] = [
  [
    /^2\d\d$/,
    'Answer 200. In Nest, which answers a POST with 201 by default, put @HttpCode(200) on the method.',
  ],
  [
    /^3\d\d$/,
    'Give Xenioo the final URL. Whether it follows redirects is not documented.',
  ],
  [
    /^400$/,
    'The app rejects the body: see its answer or its log. With XeniooModule, set `invalid` to "quarantine", which keeps invalid entries and answers 200.',
  ],
  [
    /^40[13]$/,
    'Compare the secret given here with that of the app: the API Secret of the bot, not its API Token. If they are equal, check what else protects the route: a global guard, a firewall, or a proxy that removes the Authorization header.',
  ],
  [
    /^40[45]$/,
    'Check the path: a global prefix or a version may come first (XeniooModule logs its URL at start). The method is POST.',
  ],
  [
    /^413$/,
    "Raise the body limit of this route to 10 MB. XeniooModule: `bodyLimit`; Nest on Express: app.useBodyParser('json', { limit: '10mb' }); on Fastify: new FastifyAdapter({ bodyLimit: 10_485_760 }); nginx: client_max_body_size 10m.",
  ],
  [
    /^415$/,
    'Accept any content type: that of Xenioo is not documented. In Nest, read the body of this route as text and parse it.',
  ],
  [
    /^429$/,
    'Exempt this route from rate limits: all calls come from a few addresses of Xenioo. In Nest: @SkipThrottle() on the controller.',
  ],
  [/^50[234]$/, PROXY_OR_APP],
  [
    /^5\d\d$/,
    'The app failed during the call: see its log. Answer 200 first, then handle the events.',
  ],
  [/^\d+$/, 'Answer 200 with an empty body.'],
  [/^timeout$/, ANSWER_FIRST],
  [
    /^ECONNREFUSED$/,
    'Start the app, or check host and port: no process listens there.',
  ],
  [
    /^(ECONNRESET|EPIPE)$/,
    'Check whether the app crashed, whether a body limit cuts connections, and whether the URL should begin with https://.',
  ],
  [
    /^(ENOTFOUND|EAI_AGAIN|E(HOST|NET)UNREACH|ETIMEDOUT)$/,
    'Check the host in the URL, the network and the firewall.',
  ],
  [
    /^EPROTO$|SSL_WRONG_VERSION/,
    'Use http:// instead of https://: the server does not speak TLS.',
  ],
  [/SELF_SIGNED|UNABLE_TO/, TRUSTED_CERTIFICATE],
  [/^CERT_HAS_EXPIRED$/, 'Renew the certificate, and automate its renewal.'],
  [/^CERT_NOT_YET_VALID$/, 'Check the clocks of both machines.'],
  [
    /ALTNAME/,
    'Use the host name in the certificate, or get a certificate for this one.',
  ],
  [/^HPE_/, 'Check the port: the server does not answer with valid HTTP.'],
];

/** Returns how to fix an outcome that Xenioo counts as a failed call. */
export function fixFor(outcome: CallOutcome): string {
  const fix = FIXES.find(([pattern]) => pattern.test(String(outcome)));
  return (
    fix?.[1] ??
    'Check that the app is up, and that host, port and http:// or https:// of the URL are right.'
  );
}

const ERROR_MESSAGES = new Map(getSystemErrorMap().values());

/** Describes an outcome: `200 OK`, `connection refused (ECONNREFUSED)`. */
export function describeOutcome(
  outcome: CallOutcome,
  timeoutMs?: number,
): string {
  if (typeof outcome === 'number' || /^\d+$/.test(outcome)) {
    return `${outcome} ${STATUS_CODES[outcome] ?? ''}`.trim();
  }
  if (outcome === 'timeout') {
    return timeoutMs === undefined
      ? 'no answer in time'
      : `no answer within ${formatMs(timeoutMs)}`;
  }
  return `${ERROR_MESSAGES.get(outcome) ?? 'no answer'} (${outcome})`;
}

/** Describes an error of the operating system: `no space left on device`. */
export function describeSystemError(error: unknown): string {
  const { code = '', name } = error as NodeJS.ErrnoException;
  return ERROR_MESSAGES.get(code) ?? (code || name);
}

/** Returns true for a 2xx status. */
export function isSuccess(outcome: CallOutcome): boolean {
  return /^2\d\d$/.test(String(outcome));
}
