import type { Type } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Injection token of an instance's {@link XeniooRoute}. */
export const XENIOO_ROUTE = Symbol('XENIOO_ROUTE');

/** Metadata key of the route's id. Nest copies the metadata of a method to its route handler. */
export const ROUTE_ID = Symbol('nestjs-xenioo:route');

/** Route of one instance of the module. */
export interface XeniooRoute {
  /** Identifies the route in the HTTP adapter, and the exchanges of its requests. */
  readonly id: symbol;
  readonly controller: Type;
  /** True if the option `decorators` is not empty. */
  readonly hasDecorators: boolean;
}

/** Resolves to true if a request may pass to the controller; any other request has been answered. */
export type AuthenticateAndRead = (
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<boolean>;
