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
  type Type,
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
import type { Contestant } from '../contestant.js';
import { createRoomyApp } from './adapters.js';
import { listen, type Served } from './served.js';
import { REALISTIC_HANDLERS, Store } from './store.js';

const STRICT = { whitelist: true, forbidNonWhitelisted: true };

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
  constructor(private readonly store: Store) {}

  @OnEvent('xenioo.UserMessage')
  async saveMessage(event: XeniooEventDto): Promise<void> {
    await this.store.write(event.ConversationId, event.Data, event.Date);
  }

  @OnEvent('xenioo.UserMessage')
  async updateCustomer(event: XeniooEventDto): Promise<void> {
    await this.store.write(event.UserName, event.Channel);
  }
}

@Injectable()
class Statistics {
  constructor(private readonly store: Store) {}

  @OnEvent('xenioo.UserMessage')
  async count(event: XeniooEventDto): Promise<void> {
    await this.store.write(event.Type);
  }
}

@Injectable()
class Board {
  constructor(private readonly store: Store) {}

  @OnEvent('xenioo.UserMessage')
  show(_event: XeniooEventDto): void {
    this.store.heard++;
  }
}

@Injectable()
class Counter {
  constructor(private readonly store: Store) {}

  @OnEvent('xenioo.UserMessage')
  count(_event: XeniooEventDto): void {
    this.store.writes++;
  }
}

/** Serves the endpoint of sample/05-by-hand with its guard, DTO and pipes, extended to arrays. */
export async function serveByHand({
  adapter,
  handlers,
}: Contestant): Promise<Served> {
  const isRealistic = handlers === 'realistic';
  const app = await createRoomyApp(byHandModule(isRealistic), adapter);
  const urls = await listen(app, '/by-hand/one', '/by-hand/many');
  const store = app.get(Store);
  return {
    urls,
    handled: () =>
      isRealistic
        ? Math.min(store.writes / REALISTIC_HANDLERS, store.heard)
        : store.writes,
  };
}

function byHandModule(isRealistic: boolean): Type {
  @Module({
    imports: [EventEmitterModule.forRoot()],
    controllers: [ByHandController],
    providers: [Store, ...(isRealistic ? [Crm, Statistics, Board] : [Counter])],
  })
  class ByHandModule {}
  return ByHandModule;
}
