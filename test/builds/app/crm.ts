import { Injectable } from '@nestjs/common';
import { OnXenioo, UserMessageEvent, XeniooEventType } from 'nestjs-xenioo';

@Injectable()
export class Crm {
  @OnXenioo(XeniooEventType.UserMessage)
  async save(event: UserMessageEvent) {
    await Promise.resolve();
    console.log(`saved ${event.text}`);
  }
}
