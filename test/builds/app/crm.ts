import { Injectable, Logger } from '@nestjs/common';
import { OnXenioo, UserMessageEvent, XeniooEventType } from 'nestjs-xenioo';

@Injectable()
export class Crm {
  private readonly logger = new Logger('Crm');

  @OnXenioo(XeniooEventType.UserMessage)
  async save(event: UserMessageEvent) {
    await Promise.resolve();
    this.logger.log(`saved ${event.text}`);
  }
}
