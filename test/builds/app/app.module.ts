import { Module } from '@nestjs/common';
import { XeniooModule } from 'nestjs-xenioo';
import { Crm } from './crm.js';
import { inbox } from './inbox.js';

@Module({
  imports: [XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET, inbox })],
  providers: [Crm],
})
export class AppModule {}
