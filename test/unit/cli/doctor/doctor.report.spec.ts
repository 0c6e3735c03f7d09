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

describe('the report', () => {
  it('puts what is wrong below its check, within the columns', () => {
    expect(new DoctorReport(false, 44).result(FINDING)).toBe(
      `✗ an array of events
    expected  200
    got       400 Bad Request
    why       a reason of several words that
              does not fit in one line`,
    );
  });

  it('is the same text in colours', () => {
    const coloured = new DoctorReport(true, 44).result(FINDING);

    expect(coloured).toContain('\u001B[');
    expect(stripVTControlCharacters(coloured)).toBe(
      new DoctorReport(false, 44).result(FINDING),
    );
  });
});
