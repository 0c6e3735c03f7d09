import type { INestApplication } from '@nestjs/common';
import type { AddressInfo, Server } from 'node:net';

/** A server under load. */
export interface Served {
  /** URLs for single events and for arrays. */
  readonly urls: { readonly one: string; readonly many: string };
  /** Returns the number of events that every handler got; absent without handlers. */
  handled?(): number;
  /** Resolves when no event is pending. */
  idle?(): Promise<void>;
}

/** Returns the URLs of a server that listens. */
export function urlsOf(
  server: Server,
  one: string,
  many = one,
): Served['urls'] {
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return { one: `${origin}${one}`, many: `${origin}${many}` };
}

/** Listens on a free port and returns the URLs. */
export async function listen(
  app: INestApplication,
  one: string,
  many = one,
): Promise<Served['urls']> {
  await app.listen(0, '127.0.0.1');
  return urlsOf(app.getHttpServer() as Server, one, many);
}
