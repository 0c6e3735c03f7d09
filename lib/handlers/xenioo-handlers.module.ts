import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { StartContext } from './handler-execution.js';
import { XeniooEmitter } from './xenioo.emitter.js';
import { XeniooExplorer } from './xenioo.explorer.js';
import { XeniooObservers } from './xenioo.observers.js';

/** Providers that all instances of `XeniooModule` in one application share. */
@Module({
  imports: [DiscoveryModule],
  providers: [StartContext, XeniooEmitter, XeniooExplorer, XeniooObservers],
  exports: [StartContext, XeniooEmitter, XeniooExplorer, XeniooObservers],
})
export class XeniooHandlersModule {}
