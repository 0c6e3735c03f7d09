import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface RawCall {
  readonly secret: string;
  /** Header lines of the body. */
  readonly body: string;
  readonly path?: string;
}

/** Caller that has sent its headers. */
export interface RawCaller {
  readonly socket: Socket;
  /** Returns the answer so far. */
  readonly answered: () => string;
  /** Resolves when the socket is closed for both sides. */
  readonly closed: Promise<void>;
}

/** Sends headers on a plain socket, without an agent or a time-out. */
export async function callRaw(
  origin: string,
  { secret, body, path = '/xenioo/webhook' }: RawCall,
): Promise<RawCaller> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let answered = '';
  socket.on('data', (chunk: Buffer) => (answered += chunk.toString()));
  // A disconnected sender gets an error, then `close`.
  socket.on('error', () => {});
  const closed = new Promise<void>(resolve =>
    socket.on('close', () => resolve()),
  );
  await once(socket, 'connect');
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${secret}\r\n${body}\r\n\r\n`,
  );
  return { socket, answered: () => answered, closed };
}
