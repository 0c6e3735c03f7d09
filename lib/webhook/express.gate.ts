import type { AbstractHttpAdapter } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { hideBody } from './hide-body.js';
import { ROUTE_ID, type Admit, type XeniooRoute } from './xenioo.route.js';

/**
 * What is read of Express's router: it has no public list of its routes, and
 * they are the only thing that knows the final path, with prefixes and their
 * exclusions, and how to match it.
 */
interface Layer {
  readonly route?: {
    readonly path: string;
    readonly stack: readonly { readonly handle: object }[];
  };
  match(path: string): boolean;
}

interface ExpressRequest extends IncomingMessage {
  readonly path: string;
}

/**
 * Puts the gate before everything else that the host hangs into Express.
 * @returns what finds the final URL, once the routes are there
 */
export function gateExpress(
  adapter: AbstractHttpAdapter,
  route: XeniooRoute,
  admit: Admit,
): () => string | undefined {
  let layer: Layer | undefined;
  const findLayer = () => (layer ??= layerOf(adapter.getInstance(), route));

  adapter.use(function xeniooGate(
    request: ExpressRequest,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ) {
    if (request.method !== 'POST' || !isOurs(request, findLayer())) {
      next();
      return;
    }
    admit(request, response).then(admitted => {
      if (!admitted) return;
      hideBody(request);
      next();
    }, next);
  });
  return () => findLayer()?.route?.path;
}

function layerOf(
  app: { router?: { stack?: readonly Layer[] } },
  { id }: XeniooRoute,
): Layer | undefined {
  return app.router?.stack?.find(({ route }) =>
    route?.stack.some(
      ({ handle }) => Reflect.getMetadata(ROUTE_ID, handle) === id,
    ),
  );
}

/** Whether the request is for the layer; with a trailing slash too, where Express is strict about it. */
function isOurs(request: ExpressRequest, layer: Layer | undefined): boolean {
  const { path } = request;
  if (matches(layer, path)) return true;
  const withoutSlash = path.slice(0, -1);
  if (!path.endsWith('/') || !matches(layer, withoutSlash)) return false;
  request.url = request.url!.replace(path, () => withoutSlash);
  return true;
}

function matches(layer: Layer | undefined, path: string): boolean {
  try {
    return layer?.match(path) ?? false;
  } catch {
    // A malformed escape in the path: Express answers it itself.
    return false;
  }
}
