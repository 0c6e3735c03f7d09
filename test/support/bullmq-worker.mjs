// A process that handles what others accepted, from the build, and tells what it begins and ends.
import { NestFactory } from '@nestjs/core';
import { OnXenioo, XeniooModule } from 'nestjs-xenioo';
import { bullmqInbox } from 'nestjs-xenioo/bullmq';

const { inbox, isHanging } = JSON.parse(process.argv[2]);

class Keeper {
  async keep({ raw }) {
    process.send({ begun: raw.Data });
    if (isHanging) await new Promise(() => {});
    process.send({ done: raw.Data });
  }
}
OnXenioo()(
  Keeper.prototype,
  'keep',
  Object.getOwnPropertyDescriptor(Keeper.prototype, 'keep'),
);

class WorkerModule {}

await NestFactory.createApplicationContext(
  {
    module: WorkerModule,
    imports: [
      XeniooModule.forRoot({
        secret: 'right-secret',
        inbox: bullmqInbox(inbox),
      }),
    ],
    providers: [Keeper],
  },
  { logger: false },
);
process.send({ isUp: true });
// Whoever started it is gone.
process.on('disconnect', () => process.exit());
