import { describe, expect, it } from 'vitest';
import { run } from '../../../lib/cli/run.js';
import { recordTerminal } from '../../support/terminal-recorder.js';

/** Runs a command line. */
async function runWith(...args: string[]) {
  const terminal = recordTerminal();
  const exitCode = await run(args, terminal);
  return { exitCode, out: terminal.stdout(), err: terminal.stderr() };
}

describe('run()', () => {
  it.each(['--help', '-h', 'help'])(
    'prints help for %s and exits with 0',
    async arg => {
      const { exitCode, out, err } = await runWith(arg);

      expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
      expect(out).toContain('Usage: nestjs-xenioo');
    },
  );

  it('prints the version', async () => {
    const { exitCode, out } = await runWith('--version');

    expect(exitCode).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
  });

  it('prints help to stderr without a command', async () => {
    const { exitCode, out, err } = await runWith();

    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toContain('Usage: nestjs-xenioo');
  });

  it('suggests a command for a misspelled one', async () => {
    const { exitCode, out, err } = await runWith('sned');

    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toMatch(/unknown command 'sned'\n.*send/);
    expect(err).toContain('See --help');
  });

  it('names a misspelled option', async () => {
    const { exitCode, err } = await runWith('send', '--secrte', 's3cret');

    expect(exitCode).toBe(2);
    expect(err).toContain("unknown option '--secrte'");
    expect(err).toContain('See --help');
  });

  it('does not show the value of a misspelled option', async () => {
    const { exitCode, err } = await runWith('send', '--secrte=s3cret=x');

    expect(exitCode).toBe(2);
    expect(err).toContain("unknown option '--secrte'");
    expect(err).not.toContain('s3cret');
  });
});
