import { isSuccess } from './is-success.js';

/** For what a framework's own parser answers before the app sees it. */
export const READ_AS_TEXT =
  "Read the body of this route as text, whatever its type, and parse it yourself. Nest on Express: app.use('<path>', express.text({ type: () => true, limit: '10mb' })) in main.ts; on Fastify: { bodyParser: false } for NestFactory.create(), then removeAllContentTypeParsers() and a parser for '*' with parseAs: 'string', which all routes share.";

const PROXY_OR_APP =
  'It comes from what stands before the app, or from the app as it starts, ends or has too much to do: look at the logs of both, and keep the app up while you deploy (several processes, one restarted after the other).';

const REMEDIES: Readonly<Record<string, string>> = {
  413: "Raise the body limit of this route, to 10 MB or so. Nest on Express: app.useBodyParser('json', { limit: '10mb' }); on Fastify: new FastifyAdapter({ bodyLimit: 10_485_760 }); nginx: client_max_body_size 10m.",
  429: 'Exempt this route from rate limits: all calls come from a few addresses of Xenioo. In Nest: @SkipThrottle() on the controller.',
  502: PROXY_OR_APP,
  503: PROXY_OR_APP,
  504: PROXY_OR_APP,
  timeout:
    'Answer first and work afterwards: keep the events (a queue, a table), answer 200, and let something else handle them.',
};

/** How to mend what is the same mistake in whatever call it shows; `undefined` where the call matters. */
export function remedyOf(outcome: number | string): string | undefined {
  if (isSuccess(outcome)) {
    return 'Answer 200. In Nest, which answers a POST 201 by default: @HttpCode(200) on the method.';
  }
  return REMEDIES[outcome];
}

/** The same, where the log of the app knows more than anybody outside. */
export function withLog(outcome: number | string, mend: string): string {
  return Number(outcome) >= 500
    ? `Its log says what went wrong: look there first. ${mend}`
    : mend;
}
