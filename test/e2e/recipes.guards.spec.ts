import { Controller, Get, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { describe, expect, it } from 'vitest';
import { OnXenioo, XeniooWebhookStatus } from '../../lib/index.js';
import {
  deliver,
  dispatched,
  idle,
  xeniooEntry,
  xeniooGroup,
} from '../../lib/testing/index.js';
import { GuardedModule } from '../recipes/guards.js';
import { ADAPTERS, startHost, type AdapterName } from '../support/host-app.js';

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

const METADATA = {
  imports: [GuardedModule],
  controllers: [OrdersController],
  providers: [Crm],
};

describe.each(Object.keys(ADAPTERS) as AdapterName[])('on %s', adapter => {
  it('exempts the webhook from a global JWT guard and a global throttler', async () => {
    const { app, logs } = await startHost(adapter, METADATA);

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
    const { app, url } = await startHost(adapter, METADATA);
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
