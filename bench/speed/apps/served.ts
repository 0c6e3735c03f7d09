import type { INestApplication } from '@nestjs/common';
import type { AddressInfo, Server } from 'node:net';

/** A server under load. */
export interface Served {
  /** Where single events go, and arrays. */
  readonly urls: { readonly one: string; readonly many: string };
  /** How many events its handler got; absent where there is none. */
  handled?(): number;
  /** Resolves when nothing is pending. */
  idle?(): Promise<void>;
}

/** The URLs of a server that listens on a free port. */
export function urlsOf(
  server: Server,
  one: string,
  many = one,
): Served['urls'] {
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return { one: `${origin}${one}`, many: `${origin}${many}` };
}

/** The same for an app, once it listens. */
export async function listen(
  app: INestApplication,
  one: string,
  many = one,
): Promise<Served['urls']> {
  await app.listen(0, '127.0.0.1');
  return urlsOf(app.getHttpServer() as Server, one, many);
}
