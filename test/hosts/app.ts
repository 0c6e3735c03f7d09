import {
  Catch,
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Scope,
  SetMetadata,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_GUARD, REQUEST } from '@nestjs/core';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { TerminusModule } from '@nestjs/terminus';
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
import { XeniooOpenTelemetryModule } from 'nestjs-xenioo/opentelemetry';
import { XeniooTerminusModule } from 'nestjs-xenioo/terminus';

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
  readonly guarded: string[] = [];
}

/** Guards every route of the host, and what it is written on; denies a hand over. */
@Injectable()
export class Gatekeeper implements CanActivate {
  constructor(private readonly heard: Heard) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType<string>() !== 'xenioo') return true;
    const [event] = context.getArgs<[XeniooEvent]>();
    this.heard.guarded.push(`guard ${event.typeName}`);
    return event.type !== XeniooEventType.HandOver;
  }
}

class Caught extends Error {}

@Catch(Caught)
export class Net implements ExceptionFilter {
  constructor(private readonly heard: Heard) {}

  catch(error: Caught): void {
    this.heard.guarded.push(`filter ${error.message}`);
  }
}

@Injectable()
export class Frame implements NestInterceptor {
  constructor(private readonly heard: Heard) {}

  intercept(_context: ExecutionContext, next: CallHandler) {
    this.heard.guarded.push('interceptor');
    return next.handle();
  }
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

  @UseGuards(Gatekeeper)
  @UseInterceptors(Frame)
  @UseFilters(Net)
  @OnXenioo([XeniooEventType.TakeOver, XeniooEventType.HandOver])
  operate(event: XeniooEvent) {
    throw new Caught(event.typeName);
  }

  @OnXenioo(XeniooEventType.UserMessage)
  take(event: UserMessageEvent) {
    this.heard.onController.push(event);
  }
}

@Module({
  imports: [
    EventEmitterModule.forRoot(),
    XeniooModule.forRoot({
      secret: SECRET,
      decorators: [SetMetadata('isPublic', true)],
    }),
    TerminusModule,
    XeniooTerminusModule,
    XeniooOpenTelemetryModule,
  ],
  controllers: [Orders],
  providers: [Heard, Desk, Audit, { provide: APP_GUARD, useClass: Gatekeeper }],
})
export class AppModule {}
