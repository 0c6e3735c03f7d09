import { describe, expect, it } from 'vitest';
import { run } from '../../../lib/cli/run.js';
import { recordTerminal } from '../../support/terminal-recorder.js';

/** What comes of a command line. */
async function runWith(...args: string[]) {
  const terminal = recordTerminal();
  const exitCode = await run(args, terminal);
  return { exitCode, out: terminal.stdout(), err: terminal.stderr() };
}

describe('the command line', () => {
  it.each(['--help', '-h', 'help'])(
    'helps with %s, and ends with 0',
    async arg => {
      const { exitCode, out, err } = await runWith(arg);

      expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
      expect(out).toContain('Usage: nestjs-xenioo');
    },
  );

  it('tells its version', async () => {
    const { exitCode, out } = await runWith('--version');

    expect(exitCode).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
  });

  it('shows its help on stderr without a command', async () => {
    const { exitCode, out, err } = await runWith();

    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toContain('Usage: nestjs-xenioo');
  });

  it('says which command was meant', async () => {
    const { exitCode, out, err } = await runWith('sned');

    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toMatch(/unknown command 'sned'\n.*send/);
    expect(err).toContain('Add --help');
  });

  it('says which option was meant, of a command too', async () => {
    const { exitCode, err } = await runWith('send', '--secrte', 's3cret');

    expect(exitCode).toBe(2);
    expect(err).toContain("unknown option '--secrte'");
    expect(err).toContain('Add --help');
  });

  it('does not show the value of a misspelt option', async () => {
    const { exitCode, err } = await runWith('send', '--secrte=s3cret=x');

    expect(exitCode).toBe(2);
    expect(err).toContain("unknown option '--secrte'");
    expect(err).not.toContain('s3cret');
  });
});
