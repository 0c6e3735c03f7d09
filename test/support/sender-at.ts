import { onTestFinished } from 'vitest';
import {
  XeniooSender,
  type XeniooSenderOptions,
} from '../../lib/testing/index.js';

/** The service, calling a URL however often that fails; it ends with the test. */
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
