import { Module, type DynamicModule } from '@nestjs/common';
import { XeniooModule } from 'nestjs-xenioo';
import { bullmqInbox } from 'nestjs-xenioo/bullmq';
import { Crm } from './crm.js';
import { ENGINE_URL } from './engine.js';

/** What the processes have in common: the same secret, queue and handlers, whatever their role. */
@Module({})
export class AppModule {
  static forRole(role: 'web' | 'worker'): DynamicModule {
    return {
      module: AppModule,
      imports: [
        XeniooModule.forRoot({
          secret: process.env.XENIOO_SECRET ?? 'scale-out-secret',
          inbox: bullmqInbox({
            connection: ENGINE_URL,
            // What a killed worker had in hand goes to another within 7.5 s; by default, within 45 s.
            worker: role === 'worker' && { lockDurationMs: 5_000 },
          }),
        }),
      ],
      providers: [Crm],
    };
  }
}
