import { styleText } from 'node:util';
import { plural } from '../../plural.js';
import { formatMs } from '../format.js';
import type { Terminal } from '../terminal.js';
import type { DoctorResult } from './doctor.check.js';
import { DOCTOR_CHANNEL } from './doctor.entries.js';
import type { Examination } from './run-checks.js';

type Color = 'green' | 'yellow' | 'red' | 'dim';

const SIGNS = {
  ok: ['✓', 'green'],
  warning: ['!', 'yellow'],
  finding: ['✗', 'red'],
} as const;

const LABELS = {
  expected: 'Expected',
  got: 'Got',
  why: 'Why',
  fix: 'Fix',
} as const;

const INDENT = ' '.repeat(15);

const CONSEQUENCE =
  'After more than 10 calls that were not answered 200, Xenioo stops calling this webhook. Every event is lost until the bot is saved and published again.';

const INSTALL =
  'Fix the findings one by one, or install nestjs-xenioo in your NestJS app: its webhook passes every check.';

/** Formats the results of the doctor for people. */
export class DoctorReport {
  constructor(
    private readonly terminal: Pick<Terminal, 'hasColors' | 'columns'>,
  ) {}

  formatStart(url: URL): string {
    return this.wrap(
      `Checking ${shownUrl(url)} with events of the channel “${DOCTOR_CHANNEL}”.`,
    );
  }

  /** Formats a check and the details of its finding. */
  formatResult(result: DoctorResult): string {
    const [sign, color] = SIGNS[result.severity];
    const note = result.note ? this.style('dim', ` (${result.note})`) : '';
    const lines = [`${this.style(color, sign)} ${result.title}${note}`];
    for (const [name, label] of Object.entries(LABELS)) {
      const text = result[name as keyof typeof LABELS];
      if (text === undefined) continue;
      const head = this.style('dim', `    ${label}:`.padEnd(INDENT.length));
      lines.push(head + this.wrap(text, INDENT));
    }
    return lines.join('\n');
  }

  formatSummary(examination: Examination): string {
    const { checks, findings, skipped, stopped } = examination;
    const lines = ['', this.verdict(examination)];
    if (stopped !== undefined) {
      const rest = skipped > 0 ? ` Skipped ${plural(skipped, 'check')}.` : '';
      lines.splice(1, 0, this.wrap(stopped + rest));
    }
    if (checks.some(isFailedCall)) lines.push(this.wrap(CONSEQUENCE));
    if (findings > 0 && stopped === undefined) lines.push(this.wrap(INSTALL));
    return lines.join('\n');
  }

  private verdict(examination: Examination): string {
    const { findings, warnings, stopped, checks, calls } = examination;
    const more = warnings > 0 ? `, ${plural(warnings, 'warning')}` : '';
    const counts = `${plural(checks.length, 'check')}, ${plural(calls, 'call')}, ${formatMs(examination.durationMs)}`;
    const rest = `${more} (${counts})`;
    if (findings > 0) {
      return this.style('red', `✗ ${plural(findings, 'finding')}${rest}`);
    }
    return stopped === undefined
      ? this.style('green', `✓ No findings${rest}`)
      : this.style('yellow', `! No findings so far${rest}`);
  }

  private style(color: Color, text: string): string {
    if (!this.terminal.hasColors) return text;
    // The terminal was checked above.
    return styleText(color, text, { validateStream: false });
  }

  /** Breaks a text between words, and indents each line but the first. */
  private wrap(text: string, indent = ''): string {
    const width = Math.min(this.terminal.columns, 100) - indent.length;
    const lines = [''];
    for (const word of text.split(' ')) {
      const line = lines.at(-1)!;
      if (line === '') lines[lines.length - 1] = word;
      else if (line.length + 1 + word.length > width) lines.push(word);
      else lines[lines.length - 1] = `${line} ${word}`;
    }
    return lines.join(`\n${indent}`);
  }
}

/** Returns true for a finding whose call was not answered 200, which Xenioo counts as failed. */
function isFailedCall({ severity, outcome }: DoctorResult): boolean {
  return severity === 'finding' && outcome !== 200;
}

/** Formats a URL without its query, which may hold a credential. */
export function shownUrl({ origin, pathname, search }: URL): string {
  return `${origin}${pathname}${search && '?…'}`;
}
