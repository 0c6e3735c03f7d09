import type { AbstractHttpAdapter } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  ROUTE_ID,
  type AuthenticateAndRead,
  type XeniooRoute,
} from './xenioo.route.js';

/**
 * The parts of Express's router that are used. It has no public list of its
 * routes, and only its layers know the final path, with prefixes and their
 * exclusions, and how to match it.
 */
interface Layer {
  readonly route?: {
    readonly path: string;
    readonly stack: readonly { readonly handle: object }[];
  };
  match(path: string): boolean;
}

interface Express {
  readonly router?: { readonly stack?: readonly Layer[] };
}

interface ExpressRequest extends IncomingMessage {
  readonly path: string;
}

/**
 * Puts the gate before everything that the host adds to Express.
 * @returns a function that finds the final URL, once the routes are registered
 */
export function gateExpress(
  adapter: AbstractHttpAdapter,
  route: XeniooRoute,
  authenticateAndRead: AuthenticateAndRead,
): () => string | undefined {
  const app: Express = adapter.getInstance();
  let layer: Layer | undefined;
  let lastUrl: string | undefined;
  const findLayer = () => (layer ??= layerOf(app, route));

  /** Matching takes longer than comparing with the last URL that matched. */
  function isOurs(request: ExpressRequest): boolean {
    if (request.url === lastUrl) return true;
    if (matches(findLayer(), request.path)) {
      lastUrl = request.url;
      return true;
    }
    return removeTrailingSlash(request, findLayer());
  }

  adapter.use(
    (request: ExpressRequest, response: ServerResponse, next: () => void) => {
      if (request.method !== 'POST' || !isOurs(request)) return next();
      authenticateAndRead(request, response).then(mayPass => {
        if (mayPass) next();
      }, next);
    },
  );
  return () => findLayer()?.route?.path;
}

function layerOf({ router }: Express, { id }: XeniooRoute): Layer | undefined {
  return router?.stack?.find(({ route }) =>
    route?.stack.some(
      ({ handle }) => Reflect.getMetadata(ROUTE_ID, handle) === id,
    ),
  );
}

/** Makes a URL with a trailing slash match where Express is strict about it. */
function removeTrailingSlash(
  request: ExpressRequest,
  layer: Layer | undefined,
): boolean {
  const { path } = request;
  const withoutSlash = path.slice(0, -1);
  if (!path.endsWith('/') || !matches(layer, withoutSlash)) return false;
  request.url = request.url!.replace(path, () => withoutSlash);
  return true;
}

function matches(layer: Layer | undefined, path: string): boolean {
  try {
    return layer?.match(path) ?? false;
  } catch {
    // Express itself answers a path with a malformed escape.
    return false;
  }
}
