import { Body, Controller, Post, UseGuards } from '@nestjs/common';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { XeniooEventDto, XeniooEventType } from './xenioo-event.dto.js';
import { XeniooGuard } from './xenioo.guard.js';

@Controller('xenioo/webhook')
@UseGuards(XeniooGuard)
export class XeniooController {
  constructor(private readonly events: EventEmitter2) {}

  @Post()
  async receive(@Body() event: XeniooEventDto): Promise<void> {
    await this.events.emitAsync(`xenioo.${XeniooEventType[event.Type]}`, event);
  }
}
