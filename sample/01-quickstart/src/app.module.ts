import { Injectable, Module } from '@nestjs/common';
import {
  InvalidXeniooEntry,
  OnXenioo,
  OnXeniooInvalid,
  UserMessageEvent,
  XeniooEvent,
  XeniooEventType,
  XeniooModule,
} from 'nestjs-xenioo';

@Injectable()
export class Crm {
  @OnXenioo(XeniooEventType.UserMessage)
  saveMessage(event: UserMessageEvent) {
    console.log(`  message  ${event.userName} writes “${event.text}”`);
  }

  @OnXenioo()
  count(event: XeniooEvent) {
    console.log(`  counted  ${event.typeName} of the bot “${event.bot}”`);
  }

  @OnXeniooInvalid()
  keep(entry: InvalidXeniooEntry) {
    console.log(`  kept     ${entry.reason}: ${entry.errors.join(', ')}`);
  }
}

@Module({
  imports: [XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET })],
  providers: [Crm],
})
export class AppModule {}
