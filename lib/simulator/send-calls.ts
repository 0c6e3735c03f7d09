import { PacedRunner, type Pace } from './paced-runner.js';
import type { PlannedCall } from './plan-calls.js';
import type { XeniooAnswer } from './post.js';
import { CallCounter, type XeniooReport } from './xenioo-report.js';
import type { XeniooCallOptions } from './xenioo.sender-options.js';

/** Sender of the calls. */
export interface CallSender {
  readonly failuresLeft: number;
  readonly stopped: string | undefined;
  call(body: unknown, options: XeniooCallOptions): Promise<XeniooAnswer>;
}

/** Called with each answer, a function that reports the calls so far, and the body of the call. */
export type OnCall = (
  answer: XeniooAnswer,
  soFar: () => XeniooReport,
  body: unknown,
) => void;

/** Sends calls at a pace until all are sent, the sender stops or the signal aborts. */
export async function sendCalls<T extends PlannedCall>(
  sender: CallSender,
  calls: AsyncGenerator<T, undefined>,
  { onCall, ...pace }: Pace<T> & { readonly onCall?: OnCall | undefined },
): Promise<XeniooReport> {
  const counter = new CallCounter();
  const soFar = () => counter.report(sender.failuresLeft, sender.stopped);
  const make = async ({ body, headers, events, isRepeated }: T) => {
    if (sender.stopped !== undefined) return false;
    const answer = await sender.call(body, headers ? { headers } : {});
    counter.add(answer, events, isRepeated);
    // An async function is assignable to `OnCall`.
    const returned: unknown = onCall?.(answer, soFar, body);
    await returned;
    return sender.stopped === undefined;
  };
  if (sender.stopped === undefined) {
    await new PacedRunner(calls, make, pace).run();
  }
  return soFar();
}
