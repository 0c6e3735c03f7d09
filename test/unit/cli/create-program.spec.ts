import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { run } from '../../../lib/cli/run.js';
import { recordTerminal } from '../../support/terminal-recorder.js';

async function helpOf(...command: string[]): Promise<string> {
  const terminal = recordTerminal();
  await run([...command, '--help'], terminal);
  return terminal.stdout();
}

describe('createProgram() help', () => {
  it('describes the tool', async () => {
    expect(await helpOf()).toMatchInlineSnapshot(`
      "Usage: nestjs-xenioo [options] [command]

      Tests your webhook with the calls that Xenioo makes. Xenioo can't send test
      events, and stops calling a webhook after more than 10 failed calls.

      Options:
        -V, --version            print the version
        -h, --help               show help

      Commands:
        init [options]           add the module to a Nest application
        doctor [options] [url]   check a webhook with every kind of call that Xenioo
                                 may make
        send [options] [type]    send one event and print request and answer
        simulate [options]       send many concurrent conversations
        record [options]         record the calls of Xenioo to a file
        replay [options] <file>  send the calls of a recording
        migrate [options]        print the SQL of the PostgreSQL inbox
        help [command]           show help for a command

      To add the module to an application:
        $ npx nestjs-xenioo init

      Examples, with XENIOO_URL and XENIOO_SECRET set:
        $ npx nestjs-xenioo doctor
        $ npx nestjs-xenioo send user-message --data 'Hello there!'
        $ npx nestjs-xenioo simulate --conversations 200 --rate 100 --duration 30s
        $ npx nestjs-xenioo record --port 4000 --out calls.ndjson
        $ npx nestjs-xenioo replay calls.ndjson

      Environment:
        XENIOO_URL     URL of the webhook, such as http://localhost:3000/xenioo/webhook
        XENIOO_SECRET  API Secret of the bot; never printed
        NO_COLOR       disables colors

      Exit codes:
        0  success: every call was answered as Xenioo expects
        1  a call failed, doctor has a finding, or init can't change the application
        2  invalid usage: an unknown option, no secret, an invalid URL
      "
    `);
  });

  it('describes send', async () => {
    expect(await helpOf('send')).toMatchInlineSnapshot(`
      "Usage: nestjs-xenioo send [options] [type]

      Sends one event as Xenioo does and prints request and answer.

      Arguments:
        type                  name or number of the event type

      Options:
        --data <text>         text of the message (Data; Text for type 7)
        --field <field>       set a field or variable: Name=text, or Name:=JSON;
                              repeatable (default: none)
        --entry <json>        send this entry or array of entries as it is, instead of
                              a type
        --url <url>           URL of the webhook (default: XENIOO_URL)
        --secret <secret>     API Secret of the bot (default: XENIOO_SECRET, which
                              keeps it out of the process list)
        --timeout <duration>  time-out for an answer, such as 2s; a bare number is
                              milliseconds (default: 10s)
        --json                print one JSON document to stdout
        -h, --help            show help

      Types:
         0  bot-message
         1  user-message
         2  conversation-error
         3  intent-updated
         4  intent-deleted
         5  entity-updated
         6  entity-deleted
         7  unmatched-message
         8  user-connected
         9  user-returned
        10  take-over
        11  hand-over
        12  fallback
        13  wrong-reply
        any other number is an unknown type

      Examples:
        $ npx nestjs-xenioo send user-message --url http://localhost:3000/xenioo/webhook
        $ npx nestjs-xenioo send 1 --data 'Hello there!' --field UserName=Ada --field city=Rome
        $ npx nestjs-xenioo send user-message --field 'Data:=null' --field 'age:=42'
        $ npx nestjs-xenioo send --entry '[{"Type":8},{"Type":99,"Data":"one day"}]'

      Exits with 0 if the call was answered 200 in time, and with 1 otherwise.
      "
    `);
  });

  it('describes simulate', async () => {
    expect(await helpOf('simulate')).toMatchInlineSnapshot(`
      "Usage: nestjs-xenioo simulate [options]

      Sends many concurrent conversations as Xenioo does, and stops when Xenioo would.

      Options:
        --conversations <count>  concurrent conversations (default: 20)
        --rate <rate>            calls per second, or max for as fast as possible
                                 (default: 100)
        --duration <duration>    run time, such as 30s or 2m; new conversations
                                 replace those that end (default: until all end)
        --grouped <count>        events per call, as an array (default: one, as an
                                 object)
        --shuffle                send events out of order
        --duplicate <share>      share of calls that are repeated later, such as 2%
                                 (default: 0)
        --concurrency <count>    maximum number of pending calls (default: 64)
        --seed <number>          send the same conversations in each run (an app drops
                                 duplicates from an earlier run)
        --failures <mode>        failed calls that count towards the limit of 10: all,
                                 those in a row, or none (Xenioo does not document it)
                                 (choices: "total", "consecutive", "ignore", default:
                                 "total")
        --url <url>              URL of the webhook (default: XENIOO_URL)
        --secret <secret>        API Secret of the bot (default: XENIOO_SECRET, which
                                 keeps it out of the process list)
        --timeout <duration>     time-out for an answer, such as 2s; a bare number is
                                 milliseconds (default: 10s)
        --json                   print one JSON document to stdout
        -h, --help               show help

      Examples:
        $ npx nestjs-xenioo simulate --url http://localhost:3000/xenioo/webhook
        $ npx nestjs-xenioo simulate --conversations 200 --rate 100 --duration 30s
        $ npx nestjs-xenioo simulate --grouped 30 --shuffle --duplicate 2%
        $ npx nestjs-xenioo simulate --rate max --duration 10s --failures ignore --json

      Ctrl-C stops and prints the report. Exits with 0 if every call was answered 200
      in time, and with 1 otherwise.
      "
    `);
  });
});

describe('docs/command-line.md', () => {
  it.each(['send', 'simulate', 'doctor', 'record', 'replay', 'migrate'])(
    'names only options that %s has',
    async command => {
      const page = await readFile(
        new URL('../../../docs/command-line.md', import.meta.url),
        'utf8',
      );
      const section = page
        .split('\n## ')
        .find(text => text.startsWith(`${command}\n`))!;
      const named = section.match(/--[a-z-]+/g) ?? [];
      const known = (await helpOf(command)).match(/--[a-z-]+/g);

      expect(section).toContain(`npx nestjs-xenioo ${command}`);
      expect(known).toEqual(expect.arrayContaining(named));
    },
  );
});
