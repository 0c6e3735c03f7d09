import { Module } from '@nestjs/common';
import { AppController } from './app.controller.js';
import { AppService } from './app.service.js';
import { Crm } from './crm.js';

@Module({
  imports: [],
  controllers: [AppController],
  providers: [AppService, Crm],
})
export class AppModule {}
