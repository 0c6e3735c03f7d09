import { Injectable } from '@nestjs/common';
import {
  OnXenioo,
  XeniooEventType,
  XeniooModule,
  type UserMessageEvent,
  type XeniooInboxProvider,
} from '../../lib/index.js';
import {
  XeniooInspectorModule,
  type XeniooInspectorModuleOptions,
} from '../../lib/inspector/index.js';
import {
  deliver,
  xeniooEntry,
  type XeniooDeliverOptions,
} from '../../lib/testing/index.js';
import { SECRET } from './cli-webhook.js';
import { startHost, type AdapterName, type HostSetup } from './host-app.js';
import { openPage, type Opening } from './inspector-browser.js';

export const INSPECTOR_PATH = '/xenioo/inspector/';

/** Saves messages. While it is down, it fails on those that start with "fail". */
@Injectable()
export class Crm {
  isDown = true;
  work = async (): Promise<void> => {};
  readonly saved: string[] = [];

  @OnXenioo(XeniooEventType.UserMessage)
  async save({ text = '' }: UserMessageEvent) {
    await this.work();
    if (text.startsWith('fail') && this.isDown) {
      const isFull = text.includes('full');
      throw new Error(isFull ? 'the CRM is full' : 'the CRM is down');
    }
    this.saved.push(text);
  }
}

export interface InspectorSetup extends HostSetup {
  readonly inbox?: XeniooInboxProvider | undefined;
  readonly inspector?: Partial<XeniooInspectorModuleOptions>;
}

/** Starts an application with the inspector and two bots, whose CRM is down. */
export async function startInspector(
  adapter: AdapterName,
  { inbox, inspector = {}, ...setup }: InspectorSetup = {},
) {
  const host = await startHost(
    adapter,
    {
      imports: [
        XeniooModule.forRoot({
          bots: [
            { name: 'support', token: 'support-token', secret: SECRET },
            { name: 'sales', token: 'sales-token', secret: 'sales-secret' },
          ],
          retry: false,
          inbox,
        }),
        XeniooInspectorModule.forRoot({ decorators: [], ...inspector }),
      ],
      providers: [Crm],
    },
    setup,
  );
  return {
    ...host,
    crm: host.app.get(Crm),
    /** Sends entries as Xenioo does. */
    send: (entries: unknown, options: XeniooDeliverOptions = {}) =>
      deliver(host.app, entries, { bot: 'support', ...options }),
    open: (opening?: Opening) => openPage(host.url(INSPECTOR_PATH), opening),
  };
}

/** Creates a message of the conversation "first". */
export const message = (Data: string, fields: object = {}) =>
  xeniooEntry.userMessage({ Data, ConversationId: 'first', ...fields });
