/** Waits for `work`, but no longer than `timeoutMs`; tells whether it came to its end. */
export function settledWithin(
  work: Promise<unknown>,
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(resolve, timeoutMs, false);
    work.then(
      () => {
        clearTimeout(late);
        resolve(true);
      },
      (error: unknown) => {
        clearTimeout(late);
        reject(error);
      },
    );
  });
}
