import { expect } from 'vitest';
import type { DoctorResult } from '../../lib/cli/doctor/doctor.check.js';
import type { Examination } from '../../lib/cli/doctor/run-checks.js';
import { startCli, type CliProcess } from './cli.js';

/** What a user sees of the doctor. */
export interface DoctorRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DoctorRunOptions {
  /** The secret that it is given, and that it must show nowhere. */
  readonly secret: string;
  readonly args?: readonly string[];
  readonly environment?: Record<string, string>;
  readonly onStart?: (doctor: CliProcess) => void;
  /** Of the seconds that pass, the share that it measures: few, since a busy machine answers late. @default 0.05 */
  readonly speedOfClock?: number;
}

/** Runs the built tool on an endpoint, as a process of its own. */
export async function runDoctor(
  url: string | undefined,
  {
    secret,
    args = [],
    environment = {},
    onStart,
    speedOfClock = 0.05,
  }: DoctorRunOptions,
): Promise<DoctorRun> {
  const doctor = startCli(
    ['doctor', ...(url === undefined ? [] : [url]), ...args],
    {
      env: { NO_COLOR: '1', XENIOO_SECRET: secret, ...environment },
      node: [
        '--import',
        `data:text/javascript,const now=performance.now.bind(performance);performance.now=()=>now()*${speedOfClock}`,
      ],
    },
  );
  onStart?.(doctor);
  const exitCode = (await doctor.ended) as number;
  const output = { stdout: doctor.stdout(), stderr: doctor.stderr() };
  for (const spelling of spellingsOf(secret)) {
    expect(output.stdout + output.stderr).not.toContain(spelling);
  }
  return { exitCode, ...output };
}

/** A secret as it may stand in a text, in JSON, in JSON within JSON, and in a URL. */
function spellingsOf(secret: string): string[] {
  const inJson = JSON.stringify(secret).slice(1, -1);
  return [
    secret,
    inJson,
    JSON.stringify(inJson).slice(1, -1),
    encodeURIComponent(secret),
  ];
}

/** The same, read by a machine. */
export async function examineWithDoctor(
  url: string,
  { args = [], ...options }: DoctorRunOptions,
) {
  const run = await runDoctor(url, { ...options, args: ['--json', ...args] });
  const examination = JSON.parse(run.stdout) as Examination;
  const ids = (severity: string) =>
    examination.checks
      .filter(check => check.severity === severity && !check.sameAs)
      .map(({ id }) => id);
  return {
    ...run,
    examination,
    findings: ids('finding'),
    warnings: ids('warning'),
    check: (id: string): DoctorResult | undefined =>
      examination.checks.find(check => check.id === id),
  };
}
