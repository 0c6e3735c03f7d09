import type { LoggerService } from '@nestjs/common';

/** Logger that records its lines. */
export class LogRecorder implements LoggerService {
  readonly lines: { level: string; context: string; text: string }[] = [];

  log = this.record('log');
  warn = this.record('warn');
  error = this.record('error');
  debug = this.record('debug');
  verbose = this.record('verbose');
  fatal = this.record('fatal');

  /** Returns the lines of the module, of one level or of all. */
  ofXenioo(level?: string): string[] {
    return this.lines
      .filter(line => line.context === 'Xenioo')
      .filter(line => level === undefined || line.level === level)
      .map(line => line.text);
  }

  private record(level: string) {
    return (...parts: unknown[]): void => {
      const context = parts.length > 1 ? String(parts.at(-1)) : '';
      const text = parts
        .slice(0, Math.max(1, parts.length - 1))
        .filter(part => part !== undefined)
        .map(String)
        .join('\n');
      this.lines.push({ level, context, text });
    };
  }
}
