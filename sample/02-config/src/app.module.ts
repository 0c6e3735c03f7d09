import { Injectable, Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import {
  OnXenioo,
  UserMessageEvent,
  XeniooEventType,
  XeniooModule,
} from 'nestjs-xenioo';
import { Environment, environmentFile, validate } from './environment.js';

@Injectable()
export class Helpdesk {
  @OnXenioo(XeniooEventType.UserMessage, { bot: 'support' })
  openTicket(event: UserMessageEvent) {
    console.log(`ticket of ${event.userName}: ${event.text}`);
  }
}

@Injectable()
export class Shop {
  @OnXenioo(XeniooEventType.UserMessage, { bot: 'shop' })
  answer(event: UserMessageEvent) {
    console.log(`question about an order, ${event.userName}: ${event.text}`);
  }
}

@Module({
  imports: [
    ConfigModule.forRoot({ envFilePath: environmentFile(), validate }),
    XeniooModule.forRootAsync({
      imports: [ConfigModule],
      inject: [ConfigService],
      useFactory: (config: ConfigService<Environment, true>) => ({
        bots: [
          {
            name: 'support',
            token: config.get('SUPPORT_BOT_TOKEN'),
            secret: config.get('SUPPORT_BOT_SECRET'),
          },
          {
            name: 'shop',
            token: config.get('SHOP_BOT_TOKEN'),
            secret: config.get('SHOP_BOT_SECRET'),
          },
        ],
      }),
    }),
  ],
  providers: [Helpdesk, Shop],
})
export class AppModule {}
