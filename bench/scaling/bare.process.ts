import { Queue } from 'bullmq';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Adds the entries of each call to a queue of BullMQ, without the module. */
const [connection, name] = process.argv.slice(3) as [string, string];
const queue = new Queue(name, { connection: { url: connection } });
await queue.waitUntilReady();

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    void add(Buffer.concat(chunks).toString()).then(() => response.end());
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.send!({ url: `http://127.0.0.1:${port}/` });
});
process.on('disconnect', () => process.exit());

async function add(text: string): Promise<void> {
  const entries = [JSON.parse(text) as unknown].flat();
  const options = { removeOnComplete: true, removeOnFail: true };
  await queue.addBulk(
    entries.map(data => ({ name: 'event', data, opts: options })),
  );
}
