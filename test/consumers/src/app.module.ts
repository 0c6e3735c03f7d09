import { Module } from '@nestjs/common';
import { XeniooModule } from 'nestjs-xenioo';
import { Crm } from './crm.js';
import { Customers } from './customers.js';

@Module({
  imports: [XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET })],
  providers: [Crm, Customers],
})
export class AppModule {}
