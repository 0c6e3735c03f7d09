import {
  Body,
  Controller,
  HttpCode,
  Injectable,
  Module,
  ParseArrayPipe,
  Post,
  UseGuards,
  ValidationPipe,
} from '@nestjs/common';
import {
  EventEmitter2,
  EventEmitterModule,
  OnEvent,
} from '@nestjs/event-emitter';
import {
  XeniooEventDto,
  XeniooEventType,
} from '../../../sample/05-by-hand/src/xenioo-event.dto.js';
import { XeniooGuard } from '../../../sample/05-by-hand/src/xenioo.guard.js';
import { createRoomyApp, type AdapterName } from './adapters.js';
import { listen, type Served } from './served.js';

export const STRICT = { whitelist: true, forbidNonWhitelisted: true };

@Controller('by-hand')
@UseGuards(XeniooGuard)
class ByHandController {
  constructor(private readonly events: EventEmitter2) {}

  @Post('one')
  @HttpCode(200)
  async receiveOne(
    @Body(new ValidationPipe({ ...STRICT, transform: true }))
    event: XeniooEventDto,
  ): Promise<void> {
    await this.emit(event);
  }

  @Post('many')
  @HttpCode(200)
  async receiveMany(
    @Body(new ParseArrayPipe({ ...STRICT, items: XeniooEventDto }))
    events: XeniooEventDto[],
  ): Promise<void> {
    for (const event of events) await this.emit(event);
  }

  private async emit(event: XeniooEventDto): Promise<void> {
    await this.events.emitAsync(`xenioo.${XeniooEventType[event.Type]}`, event);
  }
}

@Injectable()
class Crm {
  handled = 0;

  @OnEvent('xenioo.UserMessage')
  count(_event: XeniooEventDto): void {
    this.handled++;
  }
}

@Module({
  imports: [EventEmitterModule.forRoot()],
  controllers: [ByHandController],
  providers: [Crm],
})
class ByHandModule {}

/** The endpoint of sample/05-by-hand: its guard, DTO and pipes, made fit for arrays. */
export async function serveByHand(adapter: AdapterName): Promise<Served> {
  const app = await createRoomyApp(ByHandModule, adapter);
  const urls = await listen(app, '/by-hand/one', '/by-hand/many');
  const crm = app.get(Crm);
  return { urls, handled: () => crm.handled };
}
