/**
 * The sender has stopped because too many calls failed; nothing was sent.
 * `XeniooSender.publish()` makes it call again.
 */
export class XeniooSenderStoppedError extends Error {
  override readonly name = 'XeniooSenderStoppedError';
}

/** Invalid use of the testing kit; the message says what was expected. */
export class XeniooTestingError extends Error {
  override readonly name = 'XeniooTestingError';
}
