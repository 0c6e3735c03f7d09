import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { XeniooBus } from './xenioo.bus.js';
import { XeniooExplorer } from './xenioo.explorer.js';
import { XeniooObservers } from './xenioo.observers.js';

/** What all instances of `XeniooModule` in one application share. */
@Module({
  imports: [DiscoveryModule],
  providers: [XeniooExplorer, XeniooBus, XeniooObservers],
  exports: [XeniooExplorer, XeniooBus, XeniooObservers],
})
export class XeniooHandlersModule {}
