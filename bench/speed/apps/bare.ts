import { once } from 'node:events';
import { createServer } from 'node:http';
import { urlsOf, type Served } from './served.js';

/** Reads the body, parses it and answers: the minimal work of a webhook. */
export async function serveBare(): Promise<Served> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      JSON.parse(Buffer.concat(chunks).toString());
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { urls: urlsOf(server, '/') };
}
