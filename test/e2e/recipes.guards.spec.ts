import {
  Controller,
  Get,
  Injectable,
  Module,
  SetMetadata,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { JwtModule, JwtService } from '@nestjs/jwt';
import {
  SkipThrottle,
  ThrottlerGuard,
  ThrottlerModule,
} from '@nestjs/throttler';
import { describe, expect, it } from 'vitest';
import {
  OnXenioo,
  XeniooModule,
  XeniooWebhookStatus,
} from '../../lib/index.js';
import {
  deliver,
  dispatched,
  idle,
  xeniooEntry,
  xeniooGroup,
} from '../../lib/testing/index.js';
import { ADAPTERS, startHost, type AdapterName } from '../support/host-app.js';

// The examples of docs/recipes.md are the classes of this file.

const Public = () => SetMetadata('isPublic', true);

@Injectable()
export class JwtGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly jwt: JwtService,
  ) {}

  async canActivate(context: ExecutionContext) {
    const isPublic = this.reflector.getAllAndOverride<boolean>('isPublic', [
      context.getHandler(),
      context.getClass(),
    ]);
    return isPublic || this.hasToken(context);
  }

  private async hasToken(context: ExecutionContext) {
    const { headers } = context.switchToHttp().getRequest<Request>();
    const [, token = ''] = headers.authorization?.split(' ') ?? [];
    try {
      await this.jwt.verifyAsync(token);
      return true;
    } catch {
      throw new UnauthorizedException();
    }
  }
}

interface Request {
  readonly headers: { readonly authorization?: string };
}

@Injectable()
class Crm {
  @OnXenioo()
  save() {}
}

@Controller('orders')
class OrdersController {
  @Get()
  list() {
    return [];
  }
}

@Module({
  imports: [
    JwtModule.register({ secret: 'secret of the tokens' }),
    ThrottlerModule.forRoot([{ ttl: 60_000, limit: 10 }]),
    XeniooModule.forRoot({
      secret: 'secret-of-the-bot',
      decorators: [Public(), SkipThrottle()],
    }),
  ],
  controllers: [OrdersController],
  providers: [
    Crm,
    { provide: APP_GUARD, useClass: ThrottlerGuard },
    { provide: APP_GUARD, useClass: JwtGuard },
  ],
})
export class GuardedModule {}

describe.each(Object.keys(ADAPTERS) as AdapterName[])('on %s', adapter => {
  it('exempts the webhook from a global JWT guard and a global throttler', async () => {
    const { app, logs } = await startHost(adapter, {
      imports: [GuardedModule],
    });

    const { outcomes } = await deliver(app, xeniooGroup(200), {
      concurrency: 50,
    });
    await idle(app);

    expect(outcomes).toEqual({ 200: 200 });
    expect(dispatched(app)).toHaveLength(200);
    expect(app.get(XeniooWebhookStatus, { strict: false }).strikes).toBe(0);
    expect(logs.ofXenioo('warn')).toEqual([]);
  });

  it('protects the other routes with the JWT guard and the throttler', async () => {
    const { app, url } = await startHost(adapter, { imports: [GuardedModule] });
    const token = await app
      .get(JwtService, { strict: false })
      .signAsync({ sub: 'Ada' });
    const call = async (authorization?: string) => {
      const headers = authorization ? { authorization } : {};
      return (await fetch(url('/orders'), { headers })).status;
    };

    expect(await call(`Bearer ${token}`)).toBe(200);
    expect(await call('Bearer secret-of-the-bot')).toBe(401);
    expect(await call()).toBe(401);
    await deliver(
      app,
      Array.from({ length: 20 }, () => xeniooEntry.userMessage()),
    );
    const statuses = [];
    for (let i = 0; i < 8; i++) statuses.push(await call(`Bearer ${token}`));
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 200, 429]);
  });
});
