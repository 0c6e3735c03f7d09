import type { AbstractHttpAdapter } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * What is read of Express's router: it has no public list of its routes, and
 * they are the only thing that knows the final path, with prefixes and their
 * exclusions, and how to match it.
 */
export interface Layer {
  readonly handle: Handle;
  readonly route?: {
    readonly path: string;
    readonly stack: readonly { readonly handle: object }[];
  };
  match(path: string): boolean;
}

/** Node's request, once Express has it. */
export interface ExpressRequest extends IncomingMessage {
  readonly path: string;
}

/** A middleware, or Express itself. */
export type Handle = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** An application of Express, as far as it is used; all requests come to `handle`. */
export interface Express {
  readonly router?: { readonly stack?: readonly Layer[] };
  handle: Handle;
}

/** What an adapter of Nest calls before everything else, for want of a public name. */
const HOOKS = ['onRequestHook', 'onResponseHook'] as const;

type Hooked = { readonly [hook in (typeof HOOKS)[number]]?: unknown };

interface FrontDoor {
  /** From now on it is for calls to this URL, unless something that could send them elsewhere comes before the gate. */
  learn(url: string | undefined, gate: Handle): void;
  /** Whether a request that has come to the gate came in here, and was judged. */
  hasAdmitted(request: IncomingMessage): boolean;
}

/**
 * Lets calls in before Express has them, at the URL that the gate has found to be
 * ours. Express gives each request another prototype, and with it a shape that no
 * other request has: from then on, whatever is asked of it takes many times as long.
 */
export function openFrontDoor(
  adapter: AbstractHttpAdapter,
  receive: Handle,
): FrontDoor {
  const app: Express = adapter.getInstance();
  const hooked = adapter as unknown as Hooked;
  const { handle } = app;
  let knownUrl: string | undefined;
  let isOpen: boolean | undefined;
  let admitted: IncomingMessage | undefined;

  app.handle = (request, response, next) => {
    const { url, method } = request;
    const isHooked = hooked.onRequestHook || hooked.onResponseHook;
    if (url !== knownUrl || method !== 'POST' || isHooked) {
      handle.call(app, request, response, next);
      return;
    }
    receive(request, response, () => {
      admitted = request;
      handle.call(app, request, response, next);
      admitted = undefined;
    });
  };
  return {
    learn(url, gate) {
      if ((isOpen ??= isFirst(gate, app))) knownUrl = url;
    },
    hasAdmitted: request => request === admitted,
  };
}

/** Whether nothing is hung in before a gate but other gates, and what calls Nest's hooks. */
function isFirst(gate: Handle, { router }: Express): boolean {
  const first = router?.stack?.find(
    ({ handle }) =>
      handle === gate || !(handle.name === gate.name || callsHooks(handle)),
  );
  return first?.handle === gate;
}

function callsHooks(handle: Handle): boolean {
  const source = handle.toString();
  return HOOKS.every(hook => source.includes(hook));
}
