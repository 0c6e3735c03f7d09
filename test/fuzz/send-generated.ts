import { request, type Agent } from 'node:http';
import { countEntries } from './count-entries.js';
import { generateBody, type GeneratedBody } from './generate-body.js';

export interface FuzzTarget {
  readonly url: string;
  readonly secret: string;
  readonly agent: Agent;
}

/** What came of some calls. */
export interface FuzzTally {
  /** Entries that were in the bodies. */
  entries: number;
  bytes: number;
  /** Calls that were not answered 200 with an empty body, and why. */
  failures: string[];
}

/** Sends the bodies of these numbers, some at once on connections that are kept alive. */
export async function sendGenerated(
  target: FuzzTarget,
  seed: number,
  { from, count, atOnce = 8 }: { from: number; count: number; atOnce?: number },
): Promise<FuzzTally> {
  const tally: FuzzTally = { entries: 0, bytes: 0, failures: [] };
  let next = from;
  const work = async (): Promise<void> => {
    while (next < from + count) {
      const index = next++;
      const body = generateBody(seed, index);
      tally.entries += countEntries(body);
      tally.bytes += body.bytes.length;
      const answer = await send(target, body);
      if (answer !== '200') {
        tally.failures.push(`body ${index} (${body.kind}): ${answer}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return tally;
}

/** `200`, or what went wrong. Never rejects. */
function send(
  { url, secret, agent }: FuzzTarget,
  { bytes, headers, isChunked }: GeneratedBody,
): Promise<string> {
  return new Promise(resolve => {
    const outgoing = request(url, {
      method: 'POST',
      agent,
      headers: {
        authorization: `Bearer ${secret}`,
        ...headers,
        ...(!isChunked && { 'content-length': bytes.length }),
      },
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      resolve(`${error.code}: ${error.message}`),
    );
    outgoing.on('response', response => {
      let length = 0;
      response.on('data', (chunk: Buffer) => (length += chunk.length));
      response.on('error', error => resolve(error.message));
      response.on('end', () =>
        resolve(
          length === 0
            ? `${response.statusCode}`
            : `${response.statusCode} with ${length} bytes`,
        ),
      );
    });
    if (isChunked) {
      const middle = Math.floor(bytes.length / 2);
      outgoing.write(bytes.subarray(0, middle));
      outgoing.end(bytes.subarray(middle));
    } else {
      outgoing.end(bytes);
    }
  });
}
