import { Module, UseGuards } from '@nestjs/common';
import { XeniooModule } from 'nestjs-xenioo';
import { XeniooInspectorModule } from 'nestjs-xenioo/inspector';
import { lmdbInbox } from 'nestjs-xenioo/lmdb';
import { AdminGuard } from './admin.guard.js';
import { Crm } from './crm.js';
import { HealthController } from './health.controller.js';
import { Notes } from './notes.js';

@Module({
  imports: [
    XeniooModule.forRoot({
      secret: process.env.XENIOO_SECRET ?? 'durable-secret',
      inbox: lmdbInbox({ path: process.env.XENIOO_INBOX ?? 'data/xenioo' }),
    }),
    XeniooInspectorModule.forRoot({ decorators: [UseGuards(AdminGuard)] }),
  ],
  controllers: [HealthController],
  providers: [Crm, Notes],
})
export class AppModule {}
