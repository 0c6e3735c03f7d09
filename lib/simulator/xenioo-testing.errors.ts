/**
 * Thrown when the sender has stopped because too many calls failed; nothing was sent.
 * `XeniooSender.publish()` starts it again.
 */
export class XeniooSenderStoppedError extends Error {
  override readonly name = 'XeniooSenderStoppedError';
}

/** Thrown for invalid use of the testing kit; the message says what was expected. */
export class XeniooTestingError extends Error {
  override readonly name = 'XeniooTestingError';
}
