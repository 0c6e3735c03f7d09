import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

const FIXTURES = fileURLToPath(new URL('fixtures/', import.meta.url));
const FAILS = `${FIXTURES}fails.ts`;

interface CompilerError {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Compiles the fixtures as a strict consumer of the built package would. */
function compile(): Promise<CompilerError[]> {
  return new Promise(resolve => {
    execFile(
      'npx',
      ['tsc', '-p', FIXTURES, '--pretty', 'false'],
      (_error, output) => {
        const errors = output
          .split(/^(?=\S.*\(\d+,\d+\): error)/m)
          .map(text => /^(.*)\((\d+),\d+\): error ([^]*)$/.exec(text))
          .filter(match => match !== null);
        resolve(
          errors.map(([, file, line, message]) => ({
            file: file!.split('/').at(-1)!,
            line: Number(line),
            message: message!,
          })),
        );
      },
    );
  });
}

describe('in a strict consumer of the built package', () => {
  let errors: CompilerError[];
  beforeAll(async () => {
    errors = await compile();
  }, 60_000);

  it('compiles what should compile, as ESM and as CommonJS', () => {
    expect(errors.filter(({ file }) => file !== 'fails.ts')).toEqual([]);
  });

  it('refuses what does not fit, and names both types', async () => {
    const lines = (await readFile(FAILS, 'utf8')).split('\n');
    const expected = lines.flatMap((text, index) => {
      const names = / \/\/ ✗ (.*)$/.exec(text)?.[1];
      return names ? [{ line: index + 1, text, names: names.split(' ') }] : [];
    });
    expect(expected.length).toBeGreaterThan(15);

    for (const { line, text, names } of expected) {
      const messages = errors
        .filter(error => error.file === 'fails.ts' && error.line === line)
        .map(({ message }) => message)
        .join('\n');
      for (const name of names) expect(messages, text).toContain(name);
    }
    const failing = expected.map(({ line }) => line);
    const unexpected = errors.filter(
      ({ file, line }) => file === 'fails.ts' && !failing.includes(line),
    );
    expect(unexpected).toEqual([]);
  });
});
