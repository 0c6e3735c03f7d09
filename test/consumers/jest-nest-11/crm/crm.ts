import { Injectable } from '@nestjs/common';
import { OnXenioo, UserMessageEvent, XeniooEventType } from 'nestjs-xenioo';

@Injectable()
export class Crm {
  readonly texts: (string | undefined)[] = [];

  @OnXenioo(XeniooEventType.UserMessage)
  async save(event: UserMessageEvent) {
    await Promise.resolve();
    this.texts.push(event.text);
  }
}
