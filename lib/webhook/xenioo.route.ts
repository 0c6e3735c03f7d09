import type { Type } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Injection token of an instance's {@link XeniooRoute}. */
export const XENIOO_ROUTE = Symbol('XENIOO_ROUTE');

/** Metadata key of the route's id; Nest copies a method's metadata to its route handler. */
export const ROUTE_ID = Symbol('nestjs-xenioo:route');

/** The route of one instance of the module. */
export interface XeniooRoute {
  /** Marks the route in the HTTP adapter, and the exchanges of its requests. */
  readonly id: symbol;
  readonly controller: Type;
  /** Whether the host put decorators of its own on the controller. */
  readonly hasDecorators: boolean;
}

/** Resolves to `true` if a request may pass to the host; any other request is answered. */
export type AuthenticateAndRead = (
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<boolean>;
