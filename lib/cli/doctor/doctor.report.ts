import { styleText } from 'node:util';
import type { DoctorResult } from './doctor.check.js';
import { DOCTOR_CHANNEL } from './doctor.entries.js';
import type { Examination } from './examine.js';
import { formatMs } from './format-ms.js';

type Color = 'green' | 'yellow' | 'red' | 'dim' | 'bold';

const SIGNS = {
  ok: ['✓', 'green'],
  remark: ['!', 'yellow'],
  finding: ['✗', 'red'],
} as const;

const LABELS = ['expected', 'got', 'why', 'mend'] as const;

const INDENT = ' '.repeat(14);

const CONSEQUENCE =
  'When more than 10 calls were not answered 200, Xenioo stops calling this webhook for good: until its bot is saved and published again, every event is lost.';

const REMEDY =
  'Mend them one by one, or install nestjs-xenioo in your NestJS app: its webhook passes every check.';

/** What the doctor says to people. */
export class DoctorReport {
  constructor(
    private readonly hasColors: boolean,
    private readonly columns: number,
  ) {}

  /** What comes before the first check. */
  opening(url: URL): string {
    return this.wrapped(
      `Calls ${shown(url)} as Xenioo would, with events of the channel “${DOCTOR_CHANNEL}”.`,
      '',
    );
  }

  /** A line for a check, and below what is wrong. */
  result(result: DoctorResult): string {
    const [sign, color] = SIGNS[result.severity];
    const note = result.note ? this.styled('dim', ` (${result.note})`) : '';
    const lines = [`${this.styled(color, sign)} ${result.title}${note}`];
    for (const label of LABELS) {
      const text = result[label];
      if (text === undefined) continue;
      const head = this.styled('dim', `    ${label.padEnd(10)}`);
      lines.push(head + this.wrapped(text, INDENT));
    }
    return lines.join('\n');
  }

  /** What all of it comes to. */
  closing(examination: Examination): string {
    const { findings, skipped, stopped } = examination;
    const others = skipped > 0 ? ` ${counted(skipped, 'check')} not made.` : '';
    return [
      '',
      ...(stopped === undefined ? [] : [this.wrapped(stopped + others, '')]),
      this.verdict(examination),
      ...(examination.checks.some(isFailedCall)
        ? [this.wrapped(CONSEQUENCE, '')]
        : []),
      ...(findings > 0 && stopped === undefined
        ? [this.wrapped(REMEDY, '')]
        : []),
    ].join('\n');
  }

  private verdict({
    findings,
    remarks,
    stopped,
    checks,
    calls,
    durationMs,
  }: Examination): string {
    const told = remarks > 0 ? `, ${counted(remarks, 'remark')}` : '';
    const made = [
      counted(checks.length, 'check'),
      counted(calls, 'call'),
      formatMs(durationMs),
    ];
    const all = `${told} (${made.join(', ')}).`;
    if (findings > 0) {
      return this.styled('red', `✗ ${counted(findings, 'finding')}${all}`);
    }
    return stopped === undefined
      ? this.styled('green', `✓ As Xenioo expects${all}`)
      : this.styled('yellow', `! No finding so far${all}`);
  }

  private styled(color: Color, text: string): string {
    if (!this.hasColors) return text;
    // The terminal has been asked already.
    return styleText(color, text, { validateStream: false });
  }

  /** Breaks a text between words, and indents each line but the first. */
  private wrapped(text: string, indent: string): string {
    const width = Math.min(this.columns, 100) - indent.length;
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

/** Whether Xenioo would count it; a secret that is not asked for is another matter. */
function isFailedCall({ severity, outcome }: DoctorResult): boolean {
  return severity === 'finding' && outcome !== 200;
}

/** A URL without what may be a credential. */
export function shown({ origin, pathname, search }: URL): string {
  return `${origin}${pathname}${search && '?…'}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
