import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AuthenticateAndRead, XeniooRoute } from './xenioo.route.js';

/** Metadata key under which `RouteConfig()` of `@nestjs/platform-fastify` keeps the `config` of a route. */
export const FASTIFY_ROUTE_CONFIG = '__fastify_route_config__';

/** The part of Fastify's public API that this file uses. */
export interface Fastify {
  readonly initialConfig: RouterOptions & {
    readonly routerOptions?: RouterOptions;
  };
  route(route: FastifyRoute): void;
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): void;
}

interface RouterOptions {
  readonly ignoreTrailingSlash?: boolean;
}

interface FastifyRoute {
  readonly url: string;
  readonly method: string | string[];
  readonly config?: { readonly xenioo?: symbol };
  onRequest?: FastifyHook | FastifyHook[];
}

type FastifyHook = (
  request: { readonly raw: IncomingMessage; body?: unknown },
  reply: { readonly raw: ServerResponse; hijack(): void },
  done: (error?: Error) => void,
) => void;

/**
 * Adds the gate to the route of the webhook, after the hooks that the application has for all routes.
 * @returns a function that returns the final URL once the routes are registered
 */
export function addFastifyGate(
  fastify: Fastify,
  { id }: XeniooRoute,
  authenticateAndRead: AuthenticateAndRead,
  claim: (url: string) => void,
): () => string | undefined {
  let url: string | undefined;

  const xeniooGate: FastifyHook = (request, reply, done) => {
    authenticateAndRead(request.raw, reply.raw).then(mayPass => {
      if (!mayPass) {
        reply.hijack();
        return;
      }
      request.body = {};
      done();
    }, done);
  };
  fastify.addHook('onRoute', route => {
    if (route.config?.xenioo !== id) return;
    if (url === undefined) claim(route.url);
    url ??= route.url;
    if (!route.url.endsWith('/') && !ignoresTrailingSlash(fastify)) {
      fastify.route({ ...route, url: `${route.url}/` });
    }
    route.onRequest = [...[route.onRequest ?? []].flat(), xeniooGate];
  });
  return () => url;
}

export function ignoresTrailingSlash({ initialConfig }: Fastify): boolean {
  return Boolean(
    initialConfig.ignoreTrailingSlash ||
    initialConfig.routerOptions?.ignoreTrailingSlash,
  );
}
