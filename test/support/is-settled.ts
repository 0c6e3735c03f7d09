/** Returns whether a promise is settled after two turns of the event loop. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let ended = false;
  const end = () => void (ended = true);
  void promise.then(end, end);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  return ended;
}
