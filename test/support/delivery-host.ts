import { Injectable, type ModuleMetadata } from '@nestjs/common';
import { expect } from 'vitest';
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
import { call } from './call.js';
import { startHost, type AdapterName } from './host-app.js';
import type { CreateInbox } from './inboxes.js';

/** Path of the webhook of the host. */
export const PATH = '/xenioo/webhook';

/** Three attempts, one soon after the other. */
const SOON = {
  attempts: 3,
  backoff: 'fixed',
  delayMs: 5,
  maxDelayMs: 10,
} as const;

/** A message of a user, as Xenioo sends it; without a date two may be equal. */
export const message = (
  text: string,
  { conversation, date }: { conversation?: string; date?: string } = {},
) => ({
  Type: 1,
  Data: text,
  ...(conversation && { ConversationId: conversation }),
  ...(date && { Date: date }),
});

export const dated = (text: string, conversation?: string) =>
  message(text, {
    date: '2024-05-01T12:00:00.1234567+00:00',
    ...(conversation && { conversation }),
  });

/** A host's handler that does what the test says, and keeps what it did. */
@Injectable()
export class Crm {
  /** Texts in the order in which an attempt began. */
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

/** Another one, which nothing stops. */
@Injectable()
export class Desk {
  readonly rung: string[] = [];

  @OnXenioo(XeniooEventType.UserMessage)
  ring(event: UserMessageEvent): void {
    this.rung.push(event.text!);
  }
}

/** Hears of all that goes wrong. */
@Injectable()
export class Alarm {
  readonly failures: XeniooHandlerFailure[] = [];
  readonly invalid: InvalidXeniooEntry[] = [];
  onFailed: (failure: XeniooHandlerFailure) => unknown = () => {};

  constructor(readonly deadLetters: XeniooDeadLetters) {}

  @OnXeniooFailed()
  async ring(failure: XeniooHandlerFailure): Promise<void> {
    this.failures.push(failure);
    await this.onFailed(failure);
  }

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
        retry: SOON,
        inbox: createInbox(),
        ...options,
      }),
      ...imports,
    ],
    providers: [Crm, Desk, Alarm, ...providers],
  });
  const send = async (body: unknown) =>
    (await call(host.url(PATH), body)).status;
  /** Sends what is answered 200, and waits until all of it is handled. */
  const deliver = async (...bodies: unknown[]) => {
    for (const body of bodies) expect(await send(body)).toBe(200);
    await host.idle();
  };
  return {
    ...host,
    send,
    deliver,
    crm: host.app.get(Crm),
    desk: host.app.get(Desk),
    alarm: host.app.get(Alarm),
    letters: host.app.get(XeniooDeadLetters),
  };
}

/** Something that the test lets happen when it says so. */
export function createGate() {
  let open = () => {};
  const opened = new Promise<void>(resolve => (open = resolve));
  return { opened, open: () => open() };
}

/** Work that fails the first so many times. */
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
