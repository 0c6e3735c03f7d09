import { Injectable, type ModuleMetadata } from '@nestjs/common';
import { onTestFinished } from 'vitest';
import {
  InvalidXeniooEntry,
  OnXenioo,
  OnXeniooFailed,
  OnXeniooInvalid,
  UserMessageEvent,
  XeniooDeadLetters,
  XeniooEventType,
  XeniooHandlerFailure,
  XeniooModule,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import {
  deliver,
  dispatched,
  idle,
  senderFor,
  type XeniooDeliverOptions,
} from '../../lib/testing/index.js';
import { startHost, type AdapterName } from './host-app.js';
import type { CreateInbox } from './inboxes.js';

/** Path of the webhook. */
export const PATH = '/xenioo/webhook';

/** Three attempts with short delays. */
const SHORT_RETRY = {
  attempts: 3,
  backoff: 'fixed',
  delayMs: 5,
  maxDelayMs: 10,
} as const;

/** Handler with a behaviour that the test sets; it records its events. */
@Injectable()
export class Crm {
  /** Texts in the order in which attempts started. */
  readonly begun: string[] = [];
  readonly saved: string[] = [];
  work: (event: UserMessageEvent) => unknown = () => {};

  @OnXenioo(XeniooEventType.UserMessage)
  async save(event: UserMessageEvent): Promise<void> {
    this.begun.push(event.text!);
    await this.work(event);
    this.saved.push(event.text!);
  }
}

/** Second handler, which never fails. */
@Injectable()
export class Desk {
  @OnXenioo(XeniooEventType.UserMessage)
  notify(): void {}
}

/** Handlers of failures and invalid entries. */
@Injectable()
export class Alarm {
  readonly failures: XeniooHandlerFailure[] = [];
  onFailed: (failure: XeniooHandlerFailure) => unknown = () => {};

  constructor(readonly deadLetters: XeniooDeadLetters) {}

  @OnXeniooFailed()
  async ring(failure: XeniooHandlerFailure): Promise<void> {
    this.failures.push(failure);
    await this.onFailed(failure);
  }

  readonly invalid: InvalidXeniooEntry[] = [];

  @OnXeniooInvalid()
  keep(entry: InvalidXeniooEntry): void {
    this.invalid.push(entry);
  }
}

export async function startDelivery(
  adapter: AdapterName,
  createInbox: CreateInbox,
  options: Partial<XeniooModuleOptions> = {},
  { providers = [], imports = [] }: ModuleMetadata = {},
) {
  const host = await startHost(adapter, {
    imports: [
      XeniooModule.forRoot({
        secret: 'right-secret',
        retry: SHORT_RETRY,
        inbox: createInbox(),
        acceptTimeoutMs: 9_000,
        ...options,
      }),
      ...imports,
    ],
    providers: [Crm, Desk, Alarm, ...providers],
  });
  const { app } = host;
  const sender = await senderFor(app, { path: PATH, failures: 'ignore' });
  onTestFinished(() => sender.close());
  return {
    ...host,
    /** Makes one call and returns its outcome. */
    send: async (body: unknown) => (await sender.call(body)).outcome,
    /** Sends entries, expects 200 and waits until all of them are handled. */
    handle: async (entries: unknown, plan?: XeniooDeliverOptions) => {
      await deliver(app, entries, plan);
      await idle(app);
    },
    idle: () => idle(app),
    /** Returns the texts that the second handler got. */
    notified: () =>
      dispatched(app, 'Desk.notify').map(
        ({ event }) => (event as UserMessageEvent).text,
      ),
    crm: app.get(Crm),
    alarm: app.get(Alarm),
    letters: app.get(XeniooDeadLetters),
  };
}

/** Creates work that throws the given number of times and then succeeds. */
export function failing(
  times: number,
  error: unknown = new Error('CRM is down'),
) {
  let left = times;
  return () => {
    if (left-- > 0) throw error;
  };
}

export const textOf = ({ event }: XeniooHandlerFailure) =>
  (event as UserMessageEvent).text;
