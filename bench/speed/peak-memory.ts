import { readFileSync, writeFileSync } from 'node:fs';

/** Resets the peak, on Linux. */
export function resetPeakMemory(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    return;
  }
}

/**
 * Returns the peak of resident memory in bytes. That of `process.resourceUsage()` includes the process that forked
 * this one.
 */
export function peakMemory(): number {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1_024;
  } catch {
    return process.resourceUsage().maxRSS * 1_024;
  }
}
