import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);

/** Runs a script in a fresh process, as a host would load the built package. */
async function node(type: 'module' | 'commonjs', script: string) {
  const { stdout, stderr } = await run(process.execPath, [
    `--input-type=${type}`,
    '--eval',
    script,
  ]);
  return { value: JSON.parse(stdout) as unknown, stderr };
}

describe('the built package', () => {
  it('exports the public names', async () => {
    const names = await node(
      'module',
      `import * as xenioo from 'nestjs-xenioo';
       console.log(JSON.stringify(Object.keys(xenioo)));`,
    );

    expect(names.value).toMatchInlineSnapshot(`
      [
        "BotMessageEvent",
        "ConversationErrorEvent",
        "EntityDeletedEvent",
        "EntityUpdatedEvent",
        "FallbackEvent",
        "HandOverEvent",
        "IntentDeletedEvent",
        "IntentUpdatedEvent",
        "InvalidXeniooEntry",
        "OnXenioo",
        "OnXeniooFailed",
        "OnXeniooInvalid",
        "TakeOverEvent",
        "UnknownXeniooEvent",
        "UnmatchedMessageEvent",
        "UserConnectedEvent",
        "UserMessageEvent",
        "UserReturnedEvent",
        "WrongReplyEvent",
        "XENIOO_EVENT_NAMES",
        "XeniooDeadLetterError",
        "XeniooDeadLetters",
        "XeniooEvent",
        "XeniooEventType",
        "XeniooHandlerError",
        "XeniooHandlerFailure",
        "XeniooInbox",
        "XeniooInboxError",
        "XeniooKnowledgeEvent",
        "XeniooMessageEvent",
        "XeniooModule",
        "XeniooObservers",
        "XeniooOptionsError",
        "XeniooProcessing",
        "XeniooUnrecoverableError",
        "XeniooWebhookStatus",
        "memoryInbox",
      ]
    `);
  });

  it.each([
    ['bullmq', ['BullmqInbox', 'bullmqInbox']],
    [
      'inbox',
      [
        'LETTERS_PER_PAGE',
        'XENIOO_SETTINGS',
        'XeniooInbox',
        'XeniooInboxError',
        'conversationOf',
        'deadLetterOf',
        'dedupeId',
        'inOrderOfDate',
        'matchesFilter',
        'recordRun',
        'restoreDeadLetter',
        'restoreTask',
        'storeDeadLetter',
        'storeTask',
      ],
    ],
    ['inspector', ['XeniooInspectorModule']],
    ['lmdb', ['LmdbInbox', 'lmdbInbox']],
    ['opentelemetry', ['XeniooOpenTelemetryModule']],
    ['postgres', ['PostgresInbox', 'postgresInbox']],
    ['terminus', ['XeniooHealthIndicator', 'XeniooTerminusModule']],
    [
      'testing',
      [
        'XeniooSender',
        'XeniooSenderStoppedError',
        'XeniooTestingError',
        'createXeniooEntry',
        'deliver',
        'dispatched',
        'forget',
        'idle',
        'overrideXenioo',
        'received',
        'senderFor',
        'xeniooConversation',
        'xeniooEntry',
        'xeniooGroup',
        'xeniooInboxContract',
        'xeniooTraffic',
      ],
    ],
  ])('exports nestjs-xenioo/%s', async (entry, exported) => {
    const names = await node(
      'module',
      `import * as names from 'nestjs-xenioo/${entry}';
       console.log(JSON.stringify(Object.keys(names)));`,
    );

    expect(names.value).toEqual(exported);
  });

  it('loads by require() as well, and is the same package there', async () => {
    const { value, stderr } = await node(
      'commonjs',
      `const required = require('nestjs-xenioo');
       import('nestjs-xenioo').then(imported =>
         console.log(JSON.stringify(required.XeniooModule === imported.XeniooModule)));`,
    );

    expect(value).toBe(true);
    expect(stderr).not.toContain('Error');
  });

  it('loads nestjs-xenioo/testing by require() as well', async () => {
    const { value, stderr } = await node(
      'commonjs',
      `const required = require('nestjs-xenioo/testing');
       const { Type } = required.xeniooEntry.userMessage();
       import('nestjs-xenioo/testing').then(imported =>
         console.log(JSON.stringify([Type, required.deliver === imported.deliver])));`,
    );

    expect(value).toEqual([1, true]);
    expect(stderr).not.toContain('Error');
  });

  it('names the events on the event emitter', async () => {
    const { value } = await node(
      'module',
      `import { XENIOO_EVENT_NAMES } from 'nestjs-xenioo';
       console.log(JSON.stringify(XENIOO_EVENT_NAMES));`,
    );

    expect(value).toMatchInlineSnapshot(`
      {
        "BotMessage": "xenioo.bot-message",
        "ConversationError": "xenioo.conversation-error",
        "EntityDeleted": "xenioo.entity-deleted",
        "EntityUpdated": "xenioo.entity-updated",
        "Failed": "xenioo.failed",
        "Fallback": "xenioo.fallback",
        "HandOver": "xenioo.hand-over",
        "IntentDeleted": "xenioo.intent-deleted",
        "IntentUpdated": "xenioo.intent-updated",
        "Invalid": "xenioo.invalid",
        "Silence": "xenioo.silence",
        "Strike": "xenioo.strike",
        "TakeOver": "xenioo.take-over",
        "Unknown": "xenioo.unknown",
        "UnmatchedMessage": "xenioo.unmatched-message",
        "UserConnected": "xenioo.user-connected",
        "UserMessage": "xenioo.user-message",
        "UserReturned": "xenioo.user-returned",
        "WrongReply": "xenioo.wrong-reply",
      }
    `);
  });
});
