import { Command, InvalidArgumentError } from 'commander';
import { SCHEMA_NAME, schemaSql } from '../postgres/postgres.schema.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage.error.js';

const HELP = `
Example:
  $ npx nestjs-xenioo migrate --print --schema xenioo > migrations/xenioo.sql

The SQL creates the tables that do not exist; running it again changes nothing. If
you run it yourself, set \`migrate: false\` in postgresInbox().`;

/** Creates the command `migrate`, which prints the SQL that creates the tables of the PostgreSQL inbox. */
export function createMigrateCommand(terminal: Terminal): Command {
  return new Command('migrate')
    .summary('print the SQL of the PostgreSQL inbox')
    .description(
      'Prints the SQL that creates the tables of the PostgreSQL inbox, to run with your own migrations.',
    )
    .option('--print', 'print the SQL')
    .option('--schema <name>', 'schema of the tables', parseSchema, 'xenioo')
    .addHelpText('after', HELP)
    .action(({ print, schema }: { print?: true; schema: string }) => {
      if (!print) {
        throw new UsageError(
          'migrate does not connect to a database: add --print, and run the SQL with your other migrations',
        );
      }
      terminal.out(`${schemaSql(schema).trim()}\n`);
    });
}

function parseSchema(value: string): string {
  if (SCHEMA_NAME.test(value)) return value;
  throw new InvalidArgumentError(
    'expected up to 40 lower-case letters, digits and underscores, and no digit first.',
  );
}
