/**
 * The service has stopped calling, since too many calls failed. Nothing was
 * sent. `XeniooSender.publish()` makes it call again.
 */
export class XeniooSenderStoppedError extends Error {
  override readonly name = 'XeniooSenderStoppedError';
}

/** The testing kit can't do with this app what it was asked for; the message says why and what to do. */
export class XeniooTestingError extends Error {
  override readonly name = 'XeniooTestingError';
}
