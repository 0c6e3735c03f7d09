/** Limit of a wait that `expect.poll` doesn't fit; the same as the limit of `expect.poll`. */
export const WAIT_OPTIONS = { timeout: 30_000 };
