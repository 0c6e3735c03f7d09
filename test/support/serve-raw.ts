import {
  createServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { onTestFinished } from 'vitest';

/** Serves raw sockets on a free port until the test ends. */
export async function serveRaw(
  listener: (socket: Socket) => void,
): Promise<{ url: string; server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Callers may disconnect in the middle of an answer.
    socket.on('error', () => {});
    listener(socket);
  });
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, server };
}

/** Calls `answer` with the text of each complete request that has a length. */
export function onRequest(
  socket: Socket,
  answer: (request: string) => void,
): void {
  let text = '';
  socket.on('data', bytes => {
    text += bytes.toString('latin1');
    for (;;) {
      const end = text.indexOf('\r\n\r\n');
      const length = /content-length: (\d+)/i.exec(text)?.[1] ?? '0';
      const whole = end + 4 + Number(length);
      if (end < 0 || text.length < whole) return;
      const request = text.slice(0, whole);
      text = text.slice(whole);
      answer(request);
    }
  });
}

/** Answer that keeps the connection open. */
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
