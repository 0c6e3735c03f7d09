import type { IncomingMessage, ServerResponse } from 'node:http';

/** Injection token of an instance's {@link XeniooRoute}. */
export const XENIOO_ROUTE = Symbol('XENIOO_ROUTE');

/** Metadata key that carries the route's id; Nest copies a method's metadata to its route handler. */
export const ROUTE_ID = Symbol('nestjs-xenioo:route');

/** What marks the route of one instance, so that a gate finds its own. */
export interface XeniooRoute {
  readonly id: symbol;
  /** Whether the host put decorators of its own on the controller. */
  readonly hasDecorators: boolean;
}

/** Lets a request pass, or answers it and says no. */
export type Admit = (
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<boolean>;
