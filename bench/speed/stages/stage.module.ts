import { Injectable, Module, type Type } from '@nestjs/common';
import { OnXenioo } from '../../../lib/handlers/on-xenioo.decorator.js';
import { XeniooModule } from '../../../lib/xenioo.module.js';
import type { XeniooOptions } from '../../../lib/options/xenioo.options.js';
import { SECRET } from '../bodies.js';

@Injectable()
class Nothing {
  @OnXenioo()
  handle(): void {}
}

/** The module with a handler that does nothing, from the sources, as the other stages are. */
export function stageModule(options: Pick<XeniooOptions, 'dedupe'>): Type {
  @Module({
    imports: [XeniooModule.forRoot({ secret: SECRET, ...options })],
    providers: [Nothing],
  })
  class StageModule {}
  return StageModule;
}
