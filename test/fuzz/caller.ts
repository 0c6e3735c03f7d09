import { XeniooSender } from 'nestjs-xenioo/testing';
import { sendGenerated, type FuzzTally } from './send-generated.js';

/** Which bodies to send, and where to. */
export interface CallerTask {
  readonly url: string;
  readonly secret: string;
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  readonly atOnce: number;
}

export type CallerAnswer = FuzzTally;

let sender: XeniooSender | undefined;

// A process of its own: what it takes is not the server's.
process.on('message', ({ url, secret, seed, ...part }: CallerTask) => {
  // So long that a busy machine makes no failure.
  const timeoutMs = 60_000;
  sender ??= new XeniooSender({ url, secret, failures: 'ignore', timeoutMs });
  void sendGenerated(sender, seed, part).then((answer: CallerAnswer) =>
    process.send!(answer),
  );
});
