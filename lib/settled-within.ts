/** Waits for `work` for at most `timeoutMs`; resolves to true if it settled in time. Rejects like `work`. */
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
