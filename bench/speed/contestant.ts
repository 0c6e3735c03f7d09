import type { AdapterName } from './apps/adapters.js';

/** A server that is measured beside others. */
export interface Contestant {
  readonly app: 'bare' | 'plain' | 'by-hand' | 'ours';
  /** Absent for bare Node.js. */
  readonly adapter?: AdapterName;
  /** Three asynchronous handlers and a listener, or one synchronous handler. */
  readonly handlers?: 'realistic' | 'one-sync';
  readonly dedupe?: false;
  /** Folder of an LMDB inbox; the memory inbox without one. */
  readonly folder?: string;
  /** Serves the inspector. */
  readonly inspector?: true;
}

export type Handlers = NonNullable<Contestant['handlers']>;

export const ADAPTERS: readonly AdapterName[] = ['express', 'fastify'];

const TITLES = {
  bare: 'bare `node:http` + `JSON.parse`',
  plain: 'plain Nest route',
  'by-hand': 'hand-written',
  ours: 'nestjs-xenioo',
};

export function titleOf(adapter: AdapterName): string {
  return adapter === 'express' ? 'Express' : 'Fastify';
}

export function nameOf({ app, adapter, dedupe, folder }: Contestant): string {
  const place = adapter ? `${titleOf(adapter)}: ` : '';
  const option = dedupe === false ? ', `dedupe: false`' : '';
  const inbox = folder === undefined ? '' : ', LMDB inbox';
  return place + TITLES[app] + option + inbox;
}

export const BARE: Contestant = { app: 'bare' };

/** Returns the servers that are compared on one adapter. */
export function contestantsOn(adapter: AdapterName, handlers: Handlers) {
  return {
    plain: { app: 'plain', adapter },
    byHand: { app: 'by-hand', adapter, handlers },
    ours: { app: 'ours', adapter, handlers },
    oursWithoutDedupe: { app: 'ours', adapter, handlers, dedupe: false },
  } satisfies Record<string, Contestant>;
}

/** Returns bare Node.js and everything that is compared on both adapters. */
export function allContestants(handlers: Handlers): Contestant[] {
  return [
    BARE,
    ...ADAPTERS.flatMap(adapter =>
      Object.values<Contestant>(contestantsOn(adapter, handlers)),
    ),
  ];
}
