import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Scope,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import {
  InvalidXeniooEntry,
  OnXenioo,
  OnXeniooInvalid,
  UserMessageEvent,
  XENIOO_EVENT_NAMES,
  XeniooEvent,
  XeniooEventType,
  XeniooModule,
} from 'nestjs-xenioo';

export const SECRET = 'right-secret';

/** What reached each kind of handler, for the checks to look at. */
@Injectable()
export class Heard {
  readonly all: XeniooEvent[] = [];
  readonly messages: UserMessageEvent[] = [];
  readonly invalid: InvalidXeniooEntry[] = [];
  readonly onController: UserMessageEvent[] = [];
  readonly onBus: UserMessageEvent[] = [];
  readonly requestScoped: { event: XeniooEvent; request: unknown }[] = [];
}

@Injectable()
export class Desk {
  constructor(private readonly heard: Heard) {}

  @OnXenioo()
  count(event: XeniooEvent) {
    this.heard.all.push(event);
  }

  @OnXenioo(XeniooEventType.UserMessage)
  saveMessage(event: UserMessageEvent) {
    this.heard.messages.push(event);
  }

  @OnXeniooInvalid()
  keep(entry: InvalidXeniooEntry) {
    this.heard.invalid.push(entry);
  }

  @OnEvent(XENIOO_EVENT_NAMES.UserMessage)
  listen(event: UserMessageEvent) {
    this.heard.onBus.push(event);
  }
}

@Injectable({ scope: Scope.REQUEST })
export class Audit {
  constructor(
    @Inject(REQUEST) private readonly request: unknown,
    private readonly heard: Heard,
  ) {}

  @OnXenioo(XeniooEventType.UserMessage)
  note(event: UserMessageEvent) {
    this.heard.requestScoped.push({ event, request: this.request });
  }
}

@Controller('orders')
export class Orders {
  constructor(private readonly heard: Heard) {}

  @Get()
  list() {
    return this.heard.onController.length;
  }

  @OnXenioo(XeniooEventType.UserMessage)
  take(event: UserMessageEvent) {
    this.heard.onController.push(event);
  }
}

@Module({
  imports: [
    EventEmitterModule.forRoot(),
    XeniooModule.forRoot({ secret: SECRET }),
  ],
  controllers: [Orders],
  providers: [Heard, Desk, Audit],
})
export class AppModule {}
