import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { beforeAll, describe, expect, it } from 'vitest';
import documented from '../fixtures/documented.json' with { type: 'json' };
import everyType from '../fixtures/every-type.json' with { type: 'json' };

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
// In the repository, or it would not find its packages.
const SCRIPT = `${ROOT}coverage/parse-body.js`;

beforeAll(() =>
  build({
    cwd: ROOT,
    input: './test/support/parse-body.mjs',
    external: (id, _importer, isResolved) =>
      !isResolved && !/^[./]|^@oxc-project\/runtime\//.test(id),
    platform: 'node',
    tsconfig: 'tsconfig.build.json',
    resolve: { extensionAlias: { '.js': ['.ts'] } },
    output: { file: SCRIPT, keepNames: true },
  }),
);

/** What is made of a body in a process of its own. */
async function parsedWith(flags: readonly string[], body: string) {
  const parsing = spawn(process.execPath, [...flags, SCRIPT], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  parsing.stdin.end(body);
  return JSON.parse(await text(parsing.stdout)) as unknown;
}

const FORBIDDEN = '--disallow-code-generation-from-strings';

const dated = (entry: object) => ({
  ...entry,
  Date: '2019-07-10T15:47:58.5750058+00:00',
});

const ENTRIES = [
  ...[...documented, ...everyType].map(dated),
  { ...dated(documented[0]!), city: 'Rome', cart: { items: [{ id: 1 }] } },
];

describe('a process that makes no code of texts', () => {
  it('makes the same events', async () => {
    const body = JSON.stringify(ENTRIES);
    const events = await parsedWith([FORBIDDEN], body);

    expect(events).toHaveLength(ENTRIES.length);
    expect(events).toEqual(await parsedWith([], body));
  });

  it('finds the same wrong with the others', async () => {
    const body = '[5,{"Type":1,"Data":5,"Date":"yesterday"},{"Type":7}]';
    const [...entries] = (await parsedWith([FORBIDDEN], body)) as [
      string,
      { errors: string[] },
    ][];

    expect(entries).toMatchObject([
      ['InvalidXeniooEntry', { reason: 'not-an-event' }],
      ['InvalidXeniooEntry', { reason: 'invalid-fields' }],
      ['InvalidXeniooEntry', { reason: 'invalid-fields' }],
    ]);
    expect(entries.map(([, { errors }]) => errors.length)).toEqual([1, 2, 1]);
  });
});
