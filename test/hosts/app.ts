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

/** Events that each kind of handler got. */
@Injectable()
export class ReceivedEvents {
  readonly all: XeniooEvent[] = [];
  readonly messages: UserMessageEvent[] = [];
  readonly invalid: InvalidXeniooEntry[] = [];
  readonly onController: UserMessageEvent[] = [];
  readonly onEmitter: UserMessageEvent[] = [];
  readonly requestScoped: { event: XeniooEvent; request: unknown }[] = [];
  readonly guarded: string[] = [];
}

/** Global guard that is also applied to handlers; denies a hand-over. */
@Injectable()
export class HandOverGuard implements CanActivate {
  constructor(private readonly received: ReceivedEvents) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType<string>() !== 'xenioo') return true;
    const [event] = context.getArgs<[XeniooEvent]>();
    this.received.guarded.push(`guard ${event.typeName}`);
    return event.type !== XeniooEventType.HandOver;
  }
}

class Caught extends Error {}

@Catch(Caught)
export class CaughtErrorFilter implements ExceptionFilter {
  constructor(private readonly received: ReceivedEvents) {}

  catch(error: Caught): void {
    this.received.guarded.push(`filter ${error.message}`);
  }
}

@Injectable()
export class RecordingInterceptor implements NestInterceptor {
  constructor(private readonly received: ReceivedEvents) {}

  intercept(_context: ExecutionContext, next: CallHandler) {
    this.received.guarded.push('interceptor');
    return next.handle();
  }
}

@Injectable()
export class Desk {
  constructor(private readonly received: ReceivedEvents) {}

  @OnXenioo()
  count(event: XeniooEvent) {
    this.received.all.push(event);
  }

  @OnXenioo(XeniooEventType.UserMessage)
  saveMessage(event: UserMessageEvent) {
    this.received.messages.push(event);
  }

  @OnXeniooInvalid()
  keep(entry: InvalidXeniooEntry) {
    this.received.invalid.push(entry);
  }

  @OnEvent(XENIOO_EVENT_NAMES.UserMessage)
  listen(event: UserMessageEvent) {
    this.received.onEmitter.push(event);
  }
}

@Injectable({ scope: Scope.REQUEST })
export class RequestScopedHandler {
  constructor(
    @Inject(REQUEST) private readonly request: unknown,
    private readonly received: ReceivedEvents,
  ) {}

  @OnXenioo(XeniooEventType.UserMessage)
  note(event: UserMessageEvent) {
    this.received.requestScoped.push({ event, request: this.request });
  }
}

@Controller('orders')
export class Orders {
  constructor(private readonly received: ReceivedEvents) {}

  @Get()
  list() {
    return this.received.onController.length;
  }

  @UseGuards(HandOverGuard)
  @UseInterceptors(RecordingInterceptor)
  @UseFilters(CaughtErrorFilter)
  @OnXenioo([XeniooEventType.TakeOver, XeniooEventType.HandOver])
  operate(event: XeniooEvent) {
    throw new Caught(event.typeName);
  }

  @OnXenioo(XeniooEventType.UserMessage)
  take(event: UserMessageEvent) {
    this.received.onController.push(event);
  }
}

@Module({
  imports: [
    EventEmitterModule.forRoot(),
    XeniooModule.forRoot({
      secret: SECRET,
      decorators: [SetMetadata('isPublic', true)],
      openapi: true,
    }),
    TerminusModule,
    XeniooTerminusModule,
    XeniooOpenTelemetryModule,
  ],
  controllers: [Orders],
  providers: [
    ReceivedEvents,
    Desk,
    RequestScopedHandler,
    { provide: APP_GUARD, useClass: HandOverGuard },
  ],
})
export class AppModule {}
