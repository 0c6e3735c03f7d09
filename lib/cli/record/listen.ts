import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UsageError } from '../usage.error.js';

/** How long calls under way may take to end when the recording does. */
const CLOSED_WITHIN_MS = 5_000;

/** A server that listens. */
export interface Listening {
  /** Where it can be reached, without a path. */
  readonly origin: string;
  /** Takes no more calls, and resolves when those under way are answered. */
  close(): Promise<void>;
}

/** @throws {UsageError} where it can't listen */
export async function listen(
  listener: RequestListener,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listening> {
  const server = createServer(listener);
  let isClosing = false;
  server.on('request', (_request, response) =>
    response.on('close', () => {
      // Who is answered now would keep the connection, and the server open.
      if (isClosing) setImmediate(() => server.closeIdleConnections());
    }),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  }).catch((error: unknown) => {
    throw new UsageError(cannotListen(error, host, port));
  });
  const { address, family, port: taken } = server.address() as AddressInfo;
  const reachable = ['0.0.0.0', '::'].includes(address) ? 'localhost' : address;
  const isLiteral = family === 'IPv6' && reachable !== 'localhost';
  return {
    origin: `http://${isLiteral ? `[${reachable}]` : reachable}:${taken}`,
    close: () =>
      new Promise(resolve => {
        isClosing = true;
        const timer = setTimeout(
          () => server.closeAllConnections(),
          CLOSED_WITHIN_MS,
        );
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}

function cannotListen(error: unknown, host: string, port: number): string {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} is in use: give another --port, or end what listens there.`;
    case 'EACCES':
      return `There is no right to listen on port ${port}: give a --port from 1024 on.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is no address of this machine: leave out --host, or give 0.0.0.0 for each.`;
    default:
      return `Can't listen on ${host}:${port}: ${code}. Give another --port or --host.`;
  }
}
