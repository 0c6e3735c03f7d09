/**
 * Request header, in lower case, with which an authenticated caller asks the webhook to
 * drop the invalid entries of a call. `npx nestjs-xenioo doctor` sends it, so that no
 * dead letters remain.
 */
export const DISCARD_INVALID_HEADER = 'nestjs-xenioo-discard-invalid';
