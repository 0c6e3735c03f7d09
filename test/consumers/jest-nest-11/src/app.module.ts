import { Module } from '@nestjs/common';
import { AppController } from './app.controller';
import { AppService } from './app.service';
import { Crm } from './crm';

@Module({
  imports: [],
  controllers: [AppController],
  providers: [AppService, Crm],
})
export class AppModule {}
