import { Injectable } from '@nestjs/common';
import { OnXenioo, UserMessageEvent, XeniooEventType } from 'nestjs-xenioo';

/** Saves messages in a simulated CRM that fails for every message with “fail”. */
@Injectable()
export class Crm {
  @OnXenioo(XeniooEventType.UserMessage, {
    retry: { attempts: 3, delayMs: 50 },
  })
  async saveMessage(event: UserMessageEvent) {
    if (event.text?.includes('fail')) throw new Error('the CRM is down');
    console.log(`  saved    ${event.id.slice(0, 8)}`);
  }
}
