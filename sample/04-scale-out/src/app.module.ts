import { Module, type DynamicModule } from '@nestjs/common';
import { XeniooModule } from 'nestjs-xenioo';
import { bullmqInbox } from 'nestjs-xenioo/bullmq';
import { Crm } from './crm.js';
import { REDIS_URL } from './redis.js';

/** Secret, queue and handlers, which are the same in every process. */
@Module({})
export class AppModule {
  static forRole(role: 'web' | 'worker'): DynamicModule {
    return {
      module: AppModule,
      imports: [
        XeniooModule.forRoot({
          secret: process.env.XENIOO_SECRET ?? 'scale-out-secret',
          inbox: bullmqInbox({
            connection: REDIS_URL,
            worker: role === 'worker',
          }),
        }),
      ],
      providers: [Crm],
    };
  }
}
