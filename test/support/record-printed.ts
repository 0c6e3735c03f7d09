import { onTestFinished, vi } from 'vitest';

const LEVELS = ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const;

/** Records the output and the warnings of the process, without loggers, until the test ends. */
export function recordPrinted(): string[] {
  const printed: string[] = [];
  const record = (...parts: unknown[]) => {
    printed.push(parts.map(String).join(' '));
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(record),
    vi.spyOn(process.stderr, 'write').mockImplementation(record),
    ...LEVELS.map(level => vi.spyOn(console, level).mockImplementation(record)),
  ];
  process.on('warning', record);
  onTestFinished(() => {
    process.off('warning', record);
    for (const spy of spies) spy.mockRestore();
  });
  return printed;
}
