import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface RawCall {
  readonly secret: string;
  /** Headers of the body, one a line. */
  readonly body: string;
  readonly path?: string;
}

/** A caller that has sent its headers, and may send its body as it likes. */
export interface RawCaller {
  readonly socket: Socket;
  /** What was answered so far. */
  readonly answered: () => string;
  /** Resolves when the socket is closed for both sides. */
  readonly closed: Promise<void>;
}

/** Calls without anything that helps: no agent, no time-out, no end. */
export async function callRaw(
  origin: string,
  { secret, body, path = '/xenioo/webhook' }: RawCall,
): Promise<RawCaller> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let answered = '';
  socket.on('data', (chunk: Buffer) => (answered += chunk.toString()));
  // Who is cut off while it sends sees an error; `close` follows.
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
