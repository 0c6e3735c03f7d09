import { onTestFinished } from 'vitest';
import {
  XeniooSender,
  type XeniooSenderOptions,
} from '../../lib/testing/index.js';

/** Creates a sender to a URL that ignores failures. It is closed when the test ends. */
export function senderAt(
  url: string,
  options: Partial<XeniooSenderOptions> = {},
): XeniooSender {
  const sender = new XeniooSender({
    secret: 'right-secret',
    failures: 'ignore',
    ...options,
    url,
  });
  onTestFinished(() => sender.close());
  return sender;
}
