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

/** Returns the lines whose errors differ from what is expected: a line that ends in `// ✗ names` must have an error that contains the names, and any other line must have none. */
async function mismatches(
  errors: readonly CompilerError[],
  path: string,
): Promise<string[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines.flatMap((text, index) => {
    const names = / \/\/ ✗ (.*)$/.exec(text)?.[1]?.split(' ');
    const messages = errors
      .filter(({ line }) => line === index + 1)
      .map(({ message }) => message)
      .join('\n');
    const fits = names
      ? messages && names.every(name => messages.includes(name))
      : !messages;
    return fits ? [] : [`${text}: ${messages}`];
  });
}

describe('the compiler in a strict consumer of the package', () => {
  let errors: CompilerError[];
  beforeAll(async () => {
    errors = await compile(FIXTURES);
  });

  it('compiles valid handlers, as ESM and as CommonJS', () => {
    expect(errors.filter(({ file }) => file !== 'fails.ts')).toEqual([]);
  });

  it('rejects handlers with a wrong parameter, and names both types', async () => {
    const failing = errors.filter(({ file }) => file === 'fails.ts');

    expect(failing.length).toBeGreaterThan(15);
    expect(await mismatches(failing, `${FIXTURES}fails.ts`)).toEqual([]);
  });
});

it('compiles valid handlers and rejects parameters that are too narrow, without strictFunctionTypes', async () => {
  const folder = `${FIXTURES}loose`;

  const errors = await compile(folder);

  expect(errors.length).toBeGreaterThan(5);
  expect(await mismatches(errors, `${folder}/handlers.ts`)).toEqual([]);
});
