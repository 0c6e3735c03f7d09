import type { AbstractHttpAdapter } from '@nestjs/core';
import {
  openFrontDoor,
  type Express,
  type ExpressRequest,
  type Handle,
  type Layer,
} from './express.front-door.js';
import { hideBody } from './hide-body.js';
import { ROUTE_ID, type Admit, type XeniooRoute } from './xenioo.route.js';

/**
 * Puts the gate before everything else that the host hangs into Express.
 * @returns what finds the final URL, once the routes are there
 */
export function gateExpress(
  adapter: AbstractHttpAdapter,
  route: XeniooRoute,
  admit: Admit,
): () => string | undefined {
  const app: Express = adapter.getInstance();
  let layer: Layer | undefined;
  const findLayer = () => (layer ??= layerOf(app, route));

  const receive: Handle = (request, response, next) => {
    admit(request, response).then(admitted => {
      if (!admitted) return;
      hideBody(request);
      next();
    }, next);
  };
  const door = openFrontDoor(adapter, receive);
  const xeniooGate: Handle = (request, response, next) => {
    if (door.hasAdmitted(request)) return next();
    if (request.method !== 'POST' || !isOurs(request, findLayer())) {
      return next();
    }
    const { url } = request;
    receive(request, response, error => {
      // Only who knows the secret says where calls come in.
      if (error === undefined) door.learn(url, xeniooGate);
      next(error);
    });
  };
  adapter.use(xeniooGate);
  return () => findLayer()?.route?.path;
}

function layerOf({ router }: Express, { id }: XeniooRoute): Layer | undefined {
  return router?.stack?.find(({ route }) =>
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
