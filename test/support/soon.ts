/** Limit of a wait that `expect.poll` doesn't fit; the same as the limit of `expect.poll`. */
export const SOON = { timeout: 30_000 };
