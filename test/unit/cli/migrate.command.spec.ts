import { expect, it } from 'vitest';
import { run } from '../../../lib/cli/run.js';
import { schemaSql } from '../../../lib/postgres/postgres.schema.js';
import { recordTerminal } from '../../support/terminal-recorder.js';

async function runWith(...args: string[]) {
  const terminal = recordTerminal();
  const exitCode = await run(['migrate', ...args], terminal);
  return { exitCode, out: terminal.stdout(), err: terminal.stderr() };
}

it('prints the SQL of the tables', async () => {
  const { exitCode, out } = await runWith('--print', '--schema', 'support');

  expect(exitCode).toBe(0);
  expect(out.trim()).toBe(schemaSql('support').trim());
});

it.each([[[]], [['--print', '--schema', 'a"; DROP TABLE b']]])(
  'exits with 2 on %j',
  async args => {
    const { exitCode, out } = await runWith(...args);

    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  },
);
