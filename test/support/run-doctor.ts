import { expect } from 'vitest';
import type { DoctorResult } from '../../lib/cli/doctor/doctor.check.js';
import type { Examination } from '../../lib/cli/doctor/run-checks.js';
import { startCli, type CliProcess } from './cli.js';

/** Exit code and output of the doctor. */
export interface DoctorRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DoctorRunOptions {
  /** Secret of the endpoint, which the doctor must not print. */
  readonly secret: string;
  readonly args?: readonly string[];
  readonly environment?: Record<string, string>;
  readonly onStart?: (doctor: CliProcess) => void;
  /** Factor of the clock that the doctor measures with; small, since a busy machine answers late. @default 0.05 */
  readonly speedOfClock?: number;
}

/** Runs the built tool on an endpoint, in its own process. */
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

/** Returns a secret as it appears in text, in JSON, in nested JSON and in a URL. */
function spellingsOf(secret: string): string[] {
  const inJson = JSON.stringify(secret).slice(1, -1);
  return [
    secret,
    inJson,
    JSON.stringify(inJson).slice(1, -1),
    encodeURIComponent(secret),
  ];
}

/** Runs the doctor with `--json` and parses the result. */
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
