/** How long to wait for the reason of a failed commit. */
const REASON_WITHIN_MS = 100;

/** Why a commit failed: lmdb tells that in a second promise. */
export async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  if (!commitError) return error;
  const reason = commitError.then(
    () => error,
    (told: unknown) => told,
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<unknown>(resolve => {
    timer = setTimeout(resolve, REASON_WITHIN_MS, error);
  });
  try {
    return await Promise.race([reason, late]);
  } finally {
    clearTimeout(timer);
  }
}
