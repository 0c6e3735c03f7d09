import { Command, InvalidArgumentError } from 'commander';
import { schemaSql } from '../postgres/postgres.schema.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

const HELP = `
Example:
  $ npx nestjs-xenioo migrate --print --schema xenioo > migrations/xenioo.sql

The SQL makes what does not exist yet; running it again changes nothing. Set
\`migrate: false\` in postgresInbox() when you run it yourself.`;

/** Creates `migrate`, which prints the tables of the PostgreSQL inbox as SQL. */
export function createMigrateCommand(terminal: Terminal): Command {
  return new Command('migrate')
    .summary('print the SQL of the PostgreSQL inbox')
    .description(
      'Prints the SQL that makes the tables of the PostgreSQL inbox, for teams that run migrations themselves.',
    )
    .option('--print', 'print the SQL')
    .option('--schema <name>', 'schema of the tables', parseSchema, 'xenioo')
    .addHelpText('after', HELP)
    .action(({ print, schema }: { print?: true; schema: string }) => {
      if (!print) {
        throw new UsageError(
          'migrate connects to no database: use --print, and run the SQL as your other migrations',
        );
      }
      terminal.out(`${schemaSql(schema).trim()}\n`);
    });
}

function parseSchema(value: string): string {
  if (/^[a-z_][a-z0-9_]{0,49}$/.test(value)) return value;
  throw new InvalidArgumentError(
    'expected lower-case letters, digits and underscores.',
  );
}
