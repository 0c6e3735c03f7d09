import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// Answers as fast as Node.js can, so that the rest of the time is that of the caller.
const server = createServer((request, response) => {
  request.resume().on('end', () => response.end());
});
server.listen(0, '127.0.0.1', () => {
  process.send!((server.address() as AddressInfo).port);
});
