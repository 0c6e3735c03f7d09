import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

const FIXTURES = fileURLToPath(new URL('fixtures/', import.meta.url));

interface CompilerError {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Compiles fixtures as a consumer of the built package would. */
function compile(folder: string): Promise<CompilerError[]> {
  return new Promise(resolve => {
    execFile(
      'npx',
      ['tsc', '-p', folder, '--pretty', 'false'],
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

/** Expects an error that has the names on each line that ends in `// ✗ names`, and on no other. */
async function expectMarkedErrors(
  errors: readonly CompilerError[],
  path: string,
): Promise<void> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  const expected = lines.flatMap((text, index) => {
    const names = / \/\/ ✗ (.*)$/.exec(text)?.[1];
    return names ? [{ line: index + 1, text, names: names.split(' ') }] : [];
  });
  expect(expected.length).toBeGreaterThan(5);

  for (const { line, text, names } of expected) {
    const messages = errors
      .filter(error => error.line === line)
      .map(({ message }) => message)
      .join('\n');
    for (const name of names) expect(messages, text).toContain(name);
  }
  const failing = expected.map(({ line }) => line);
  expect(errors.filter(({ line }) => !failing.includes(line))).toEqual([]);
}

describe('in a strict consumer of the built package', () => {
  let errors: CompilerError[];
  beforeAll(async () => {
    errors = await compile(FIXTURES);
  });

  it('compiles what should compile, as ESM and as CommonJS', () => {
    expect(errors.filter(({ file }) => file !== 'fails.ts')).toEqual([]);
  });

  it('refuses what does not fit, and names both types', async () => {
    await expectMarkedErrors(
      errors.filter(({ file }) => file === 'fails.ts'),
      `${FIXTURES}fails.ts`,
    );
  });
});

it('compiles handlers that fit, and refuses parameters that are too narrow, without strictFunctionTypes', async () => {
  const folder = `${FIXTURES}loose`;

  await expectMarkedErrors(await compile(folder), `${folder}/handlers.ts`);
});
