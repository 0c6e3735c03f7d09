import { Module } from '@nestjs/common';
import { XeniooModule } from 'nestjs-xenioo';
import { AppController } from './app.controller';
import { AppService } from './app.service';
import { Crm } from './crm';

@Module({
  imports: [
    XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET ?? 'secret' }),
  ],
  controllers: [AppController],
  providers: [AppService, Crm],
})
export class AppModule {}
