import {
  ConsoleLogger,
  Injectable,
  Logger,
  Module,
  type INestApplication,
  type LoggerService,
} from '@nestjs/common';
import { LoggerModule, Logger as PinoNestLogger } from 'nestjs-pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  OnXenioo,
  XeniooEventType,
  XeniooModule,
  XeniooObservers,
  type UserMessageEvent,
} from '../../lib/index.js';
import { idle, senderFor, xeniooEntry } from '../../lib/testing/index.js';
import { ADAPTERS, startHost, type AdapterName } from '../support/host-app.js';

// The examples of docs/monitoring.md are the classes of this file.

@Injectable()
export class XeniooLog {
  private readonly logger = new Logger('XeniooLog');

  constructor(observers: XeniooObservers) {
    observers.add({
      strike: ({ strikes, status, bot }) =>
        this.logger.error({ msg: 'strike', strikes, status, bot }),
      handlerFinished: ({ handler, event, attempt }, { status }) => {
        if (status === 'done') return;
        const { id: eventId, typeName, bot } = event;
        this.logger.warn({
          msg: 'handler failed',
          handler,
          eventId,
          typeName,
          bot,
          attempt,
          status,
        });
      },
      deadLetterAdded: ({ id, kind, handler, entry: { bot } }) =>
        this.logger.error({ msg: 'dead letter', id, kind, handler, bot }),
    });
  }
}

@Injectable()
class Crm {
  @OnXenioo(XeniooEventType.UserMessage)
  async saveMessage({ text }: UserMessageEvent) {
    await new Promise(setImmediate);
    if (text?.startsWith('fail')) throw new Error('the CRM is down');
  }
}

/** Lines that pino has written. */
const written: string[] = [];

@Module({
  imports: [
    LoggerModule.forRoot({
      pinoHttp: {
        stream: { write: (line: string) => void written.push(line) },
        redact: ['req.headers.authorization'],
      },
    }),
  ],
})
export class PinoModule {}

type Line = Record<string, unknown>;

/** Sends two events, one of which fails twice, and a body that is too long; returns the lines of the module and those of `XeniooLog`. */
async function linesOf(
  adapter: AdapterName,
  imports: (typeof PinoModule)[],
  loggerOf: (app: INestApplication) => LoggerService,
  read: () => string[],
) {
  const { app } = await startHost(
    adapter,
    {
      imports: [
        ...imports,
        XeniooModule.forRoot({
          secret: 'secret-of-the-bot',
          name: 'support',
          bodyLimit: 1_000,
          retry: { attempts: 2, delayMs: 1 },
        }),
      ],
      providers: [XeniooLog, Crm],
    },
    { prepare: host => host.useLogger(loggerOf(host)) },
  );
  const sender = await senderFor(app, { failures: 'ignore' });
  onTestFinished(() => sender.close());
  await sender.call([
    xeniooEntry.userMessage({ Data: 'Hello', UserName: 'Ada Lovelace' }),
    xeniooEntry.userMessage({ Data: 'fail, Ada', UserName: 'Ada Lovelace' }),
  ]);
  await sender.call(xeniooEntry.userMessage({ Data: 'long '.repeat(1_000) }));
  await idle(app);
  const text = read().join('');
  const lines = text
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Line);
  const of = (context: string) => lines.filter(l => l['context'] === context);
  return { text, ofModule: of('Xenioo'), ofRecipe: of('XeniooLog') };
}

const ID = expect.stringMatching(/^\S+$/);
const COMMON = {
  handler: 'Crm.saveMessage',
  eventId: ID,
  typeName: 'user-message',
  bot: 'support',
};
const RECORDS = [
  { msg: 'handler failed', ...COMMON, attempt: 1, status: 'retry' },
  { msg: 'handler failed', ...COMMON, attempt: 2, status: 'failed' },
  {
    msg: 'dead letter',
    id: ID,
    kind: 'event',
    handler: 'Crm.saveMessage',
    bot: 'support',
  },
  { msg: 'strike', strikes: 1, status: 413, bot: 'support' },
];

const byText = (a: Line, b: Line) =>
  JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;

describe.each(Object.keys(ADAPTERS) as AdapterName[])('on %s', adapter => {
  it('the JSON logger of Nest prints the fields of a strike, a failed handler and a dead letter', async () => {
    const output: string[] = [];
    for (const stream of [process.stdout, process.stderr]) {
      const spy = vi
        .spyOn(stream, 'write')
        .mockImplementation(text => output.push(String(text)) > 0);
      onTestFinished(() => spy.mockRestore());
    }
    const { text, ofModule, ofRecipe } = await linesOf(
      adapter,
      [],
      () => new ConsoleLogger({ json: true }),
      () => output,
    );

    const records = ofRecipe.map(({ message }) => message as Line);
    expect(records.toSorted(byText)).toEqual(
      RECORDS.toSorted(byText).map(record => expect.objectContaining(record)),
    );
    expect(ofModule).toContainEqual(
      expect.objectContaining({
        level: 'error',
        message: expect.stringMatching(/^Strike 1: answered 413 to bot/),
      }),
    );
    expect(text).not.toMatch(/Hello|Ada|secret-of/);
  });

  it('nestjs-pino prints the fields of a strike, a failed handler and a dead letter', async () => {
    written.length = 0;
    const { text, ofModule, ofRecipe } = await linesOf(
      adapter,
      [PinoModule],
      app => app.get(PinoNestLogger),
      () => written,
    );

    expect(ofRecipe.toSorted(byText)).toHaveLength(RECORDS.length);
    for (const record of RECORDS) {
      expect(ofRecipe).toContainEqual(expect.objectContaining(record));
    }
    expect(ofModule).toContainEqual(
      expect.objectContaining({
        level: 50,
        msg: expect.stringMatching(/^Strike 1: answered 413 to bot/),
      }),
    );
    expect(text).not.toMatch(/Hello|Ada|secret-of/);
  });
});
