import { Injectable, Module, type Type } from '@nestjs/common';
import { OnXenioo, XeniooModule, type XeniooEvent } from 'nestjs-xenioo';
import { SECRET } from '../../body.js';

@Injectable()
class Crm {
  @OnXenioo()
  async save(_event: XeniooEvent): Promise<void> {}
}

/** Creates the smallest application with the module, without any other entry of the package. */
export function bootModule(): Type {
  @Module({
    imports: [XeniooModule.forRoot({ secret: SECRET })],
    providers: [Crm],
  })
  class BootModule {}
  return BootModule;
}
