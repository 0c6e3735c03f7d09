import { XeniooSender } from 'nestjs-xenioo/testing';
import { sendGenerated, type FuzzTally } from './send-generated.js';

/** Bodies to send and their destination. */
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

// A separate process, so that its memory is not counted as that of the server.
process.on('message', ({ url, secret, seed, ...part }: CallerTask) => {
  // Long enough for a busy machine.
  const timeoutMs = 60_000;
  sender ??= new XeniooSender({ url, secret, failures: 'ignore', timeoutMs });
  void sendGenerated(sender, seed, part).then((answer: CallerAnswer) =>
    process.send!(answer),
  );
});
