import { describe, expect, it } from 'vitest';
import { run } from '../../../lib/cli/run.js';
import { recordTerminal } from '../../support/terminal-recorder.js';

async function helpOf(...command: string[]): Promise<string> {
  const terminal = recordTerminal();
  await run([...command, '--help'], terminal);
  return terminal.stdout();
}

describe('the help', () => {
  it('tells what the tool is for', async () => {
    expect(await helpOf()).toMatchInlineSnapshot(`
      "Usage: nestjs-xenioo [options] [command]

      Plays Xenioo to a webhook of yours. Xenioo itself can't be asked to send a
      test event, and stops calling a webhook for good after more than 10 failed
      calls: try yours before it does.

      Options:
        -V, --version            which version it is
        -h, --help               what there is, and how to use it

      Commands:
        doctor [options] [url]   check a webhook, of whatever make, as Xenioo would
                                 meet it
        send [options] [type]    send one event, and show request and answer
        simulate [options]       play many conversations at once
        record [options]         stand in for your webhook, and keep what comes in a
                                 file
        replay [options] <file>  send the calls of a recording again
        help [command]           the same, of one command

      Examples, with XENIOO_URL and XENIOO_SECRET set:
        $ npx nestjs-xenioo doctor
        $ npx nestjs-xenioo send user-message --data 'Hello there!'
        $ npx nestjs-xenioo simulate --conversations 200 --rate 100 --duration 30s
        $ npx nestjs-xenioo record --port 4000 --out calls.ndjson
        $ npx nestjs-xenioo replay calls.ndjson

      Environment:
        XENIOO_URL     URL of the webhook, such as http://localhost:3000/xenioo/webhook
        XENIOO_SECRET  API Secret of the bot; it is never shown
        NO_COLOR       anything: no colours

      Exit codes:
        0  all went as Xenioo expects
        1  the webhook did not do what Xenioo expects: a failed call, a finding
        2  the command can't be run as it was given: an unknown option, no secret, a bad URL
      "
    `);
  });

  it('tells how to send', async () => {
    expect(await helpOf('send')).toMatchInlineSnapshot(`
      "Usage: nestjs-xenioo send [options] [type]

      Sends one event as Xenioo would, and shows request and answer.

      Arguments:
        type                  the type by its name or number

      Options:
        --data <text>         what was written (of type 7: its Text)
        --field <field>       a field or variable, over what is realistic: Name=text,
                              or Name:=JSON; can be given again (default: none)
        --entry <json>        an entry, or an array of them, sent as it stands instead
                              of a type
        --url <url>           URL of the webhook (default: XENIOO_URL)
        --secret <secret>     API Secret of the bot (default: XENIOO_SECRET, which a
                              list of processes does not show)
        --timeout <duration>  how long an answer may take, such as 2s; a bare number
                              is milliseconds (default: 10s)
        --json                one JSON document on stdout, and nothing else there
        -h, --help            what there is, and how to use it

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
        any other number is one that Xenioo may add

      Examples:
        $ npx nestjs-xenioo send user-message --url http://localhost:3000/xenioo/webhook
        $ npx nestjs-xenioo send 1 --data 'Hello there!' --field UserName=Ada --field city=Rome
        $ npx nestjs-xenioo send user-message --field 'Data:=null' --field 'age:=42'
        $ npx nestjs-xenioo send --entry '[{"Type":8},{"Type":99,"Data":"one day"}]'

      Ends with 0 if it was answered 200 in time, and 1 if Xenioo would count it as a failed call.
      "
    `);
  });

  it('tells how to simulate', async () => {
    expect(await helpOf('simulate')).toMatchInlineSnapshot(`
      "Usage: nestjs-xenioo simulate [options]

      Plays many conversations at once, as Xenioo would tell them, and stops when
      Xenioo would.

      Options:
        --conversations <count>  conversations side by side (default: 20)
        --rate <rate>            calls a second, whatever is in them; max: as fast as
                                 they are answered (default: 100)
        --duration <duration>    how long, such as 30s or 2m: one that is over is
                                 followed by another (default: until each conversation
                                 is over)
        --grouped <count>        so many events in a call, as an array (default: one,
                                 as an object)
        --shuffle                events in another order than they happened in
        --duplicate <share>      share of calls that are made again later, such as 2%
                                 (default: 0)
        --concurrency <count>    most calls that wait for an answer at once (default:
                                 64)
        --seed <number>          the same conversations each time; an app drops events
                                 that it knows
        --failures <reading>     which failed calls count towards the more than 10
                                 that make Xenioo stop: all, those in a row, or none
                                 (it is not documented) (choices: "total",
                                 "consecutive", "ignore", default: "total")
        --url <url>              URL of the webhook (default: XENIOO_URL)
        --secret <secret>        API Secret of the bot (default: XENIOO_SECRET, which
                                 a list of processes does not show)
        --timeout <duration>     how long an answer may take, such as 2s; a bare
                                 number is milliseconds (default: 10s)
        --json                   one JSON document on stdout, and nothing else there
        -h, --help               what there is, and how to use it

      Examples:
        $ npx nestjs-xenioo simulate --url http://localhost:3000/xenioo/webhook
        $ npx nestjs-xenioo simulate --conversations 200 --rate 100 --duration 30s
        $ npx nestjs-xenioo simulate --grouped 30 --shuffle --duplicate 2%
        $ npx nestjs-xenioo simulate --rate max --duration 10s --failures ignore --json

      Ctrl-C ends it, and shows what was done until then. Ends with 0 if each call was
      answered 200 in time, and 1 if one was not.
      "
    `);
  });
});
