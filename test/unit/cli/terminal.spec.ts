import { expect, it } from 'vitest';
import { createTerminal } from '../../../lib/cli/terminal.js';

it.each([
  [0, 80],
  [undefined, 80],
  [120, 120],
])('createTerminal() reads %s columns of stderr as %s', (columns, width) => {
  const host = {
    stdout: { on: () => {} },
    stderr: { on: () => {}, columns },
    env: {},
    once: () => {},
  };

  expect(createTerminal(host as unknown as NodeJS.Process).columns).toBe(width);
});
