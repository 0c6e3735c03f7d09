import { setTimeout } from 'node:timers/promises';

const DEADLINE_MS = 60_000;
const STEP_MS = 10;

/** Polls a condition for which there is no event. */
export async function waitUntil(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  deadlineMs = DEADLINE_MS,
): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`Waited too long until ${what}`);
    await setTimeout(STEP_MS);
  }
}
