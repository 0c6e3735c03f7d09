import type { XeniooSender } from 'nestjs-xenioo/testing';
import { countEntries } from './count-entries.js';
import { generateBody } from './generate-body.js';

/** Totals of some calls. */
export interface FuzzTally {
  /** Number of entries in the bodies. */
  entries: number;
  bytes: number;
  /** Calls that were not answered 200 with an empty body, with the reason. */
  failures: string[];
}

/** Sends the bodies with these numbers, several at once, on keep-alive connections. */
export async function sendGenerated(
  sender: Pick<XeniooSender, 'call'>,
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
      const answer = await sender.call(body.bytes, {
        headers: { 'content-type': null, ...body.headers },
        chunked: body.isChunked,
      });
      const failure =
        answer.failure ?? (answer.body && 'was answered 200 with a body');
      if (failure)
        tally.failures.push(`body ${index} (${body.kind}) ${failure}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return tally;
}
