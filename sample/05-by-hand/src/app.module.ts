import { Injectable, Module } from '@nestjs/common';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { XeniooEventDto } from './xenioo-event.dto.js';
import { XeniooController } from './xenioo.controller.js';

@Injectable()
export class Crm {
  @OnEvent('xenioo.UserMessage')
  async saveMessage(event: XeniooEventDto) {
    console.log(`  message  ${event.UserName} writes “${event.Data}”`);
  }
}

@Module({
  imports: [EventEmitterModule.forRoot()],
  controllers: [XeniooController],
  providers: [Crm],
})
export class AppModule {}
