import { readFileSync, writeFileSync } from 'node:fs';

/** Forgets the peak, where the system can: Linux. */
export function resetPeakMemory(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    return;
  }
}

/**
 * The most resident memory that this process has had, in bytes. What
 * `process.resourceUsage()` tells has that of the process that forked it in it.
 */
export function peakMemory(): number {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1_024;
  } catch {
    return process.resourceUsage().maxRSS * 1_024;
  }
}
