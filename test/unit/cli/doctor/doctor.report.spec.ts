import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { DoctorReport } from '../../../../lib/cli/doctor/doctor.report.js';

const FINDING = {
  id: 'array',
  title: 'an array of events',
  severity: 'finding',
  expected: '200',
  got: '400 Bad Request',
  why: 'a reason of several words that does not fit in one line',
} as const;

const format = (hasColors: boolean) =>
  new DoctorReport({ hasColors, columns: 45 }).formatResult(FINDING);

describe('DoctorReport', () => {
  it('explains a finding below its check and wraps the text', () => {
    expect(format(false)).toBe(
      `✗ an array of events
    Expected:  200
    Got:       400 Bad Request
    Why:       a reason of several words that
               does not fit in one line`,
    );
  });

  it('prints the same text in colors', () => {
    expect(format(true)).toContain('\u001B[');
    expect(stripVTControlCharacters(format(true))).toBe(format(false));
  });
});
