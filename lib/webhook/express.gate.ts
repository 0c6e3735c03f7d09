import type { AbstractHttpAdapter } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  ROUTE_ID,
  type AuthenticateAndRead,
  type XeniooRoute,
} from './xenioo.route.js';

/**
 * The parts of a layer of Express's router that this file uses. Express has no public list of routes, and only
 * the layers have the final path, after global prefixes and their exclusions.
 */
interface Layer {
  readonly route?: Route;
  match(path: string): boolean;
}

interface Route {
  readonly path: string;
  readonly stack: readonly { readonly handle: object }[];
}

export interface Express {
  readonly router?: { readonly stack?: readonly Layer[] };
}

interface ExpressRequest extends IncomingMessage {
  readonly path: string;
}

/**
 * Adds the gate to Express, before the middleware of the application.
 * @returns a function that returns the final URL once the routes are registered
 */
export function addExpressGate(
  adapter: AbstractHttpAdapter,
  route: XeniooRoute,
  authenticateAndRead: AuthenticateAndRead,
): () => string | undefined {
  const app: Express = adapter.getInstance();
  let layer: Layer | undefined;
  let lastUrl: string | undefined;
  const findLayer = () => (layer ??= layerOf(app, route));

  // Comparing with the last URL that matched is faster than matching.
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

/** Returns the layer of the route with an id, once the routes are registered. */
export function layerOf(
  { router }: Express,
  { id }: { readonly id: symbol },
): Layer | undefined {
  return router?.stack?.find(({ route }) =>
    route?.stack.some(
      ({ handle }) => Reflect.getMetadata(ROUTE_ID, handle) === id,
    ),
  );
}

/** Returns the path of the route that Express chose for a request, if it is one of the application. */
export function routeOfApplication(
  request: IncomingMessage & { readonly route?: Partial<Route> },
): string | undefined {
  const { route } = request;
  const isOurs = route?.stack?.some(({ handle }) =>
    Reflect.hasMetadata(ROUTE_ID, handle),
  );
  return isOurs ? undefined : route?.path;
}

/** Removes a trailing slash if Express matches the URL only without it. */
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
    // The path has a malformed escape; Express answers it.
    return false;
  }
}
