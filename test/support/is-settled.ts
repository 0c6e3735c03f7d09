/** Whether a promise has come to its end once all that could run now has run. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let ended = false;
  const end = () => void (ended = true);
  void promise.then(end, end);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  return ended;
}
