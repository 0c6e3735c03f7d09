import { Module } from '@nestjs/common';
import { XeniooModule } from 'nestjs-xenioo';
import { AppController } from './app.controller.js';
import { AppService } from './app.service.js';
import { Crm } from './crm.js';

@Module({
  imports: [
    XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET ?? 'secret' }),
  ],
  controllers: [AppController],
  providers: [AppService, Crm],
})
export class AppModule {}
