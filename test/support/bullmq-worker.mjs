// Handles the events that other processes accepted, with the build, and reports each start and end.
import { NestFactory } from '@nestjs/core';
import { OnXenioo, XeniooModule } from 'nestjs-xenioo';
import { bullmqInbox } from 'nestjs-xenioo/bullmq';

const { inbox, isHanging } = JSON.parse(process.argv[2]);

class Handlers {
  async keep({ raw }) {
    process.send({ begun: raw.Data });
    if (isHanging) await new Promise(() => {});
    process.send({ done: raw.Data });
  }
}
OnXenioo()(
  Handlers.prototype,
  'keep',
  Object.getOwnPropertyDescriptor(Handlers.prototype, 'keep'),
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
    providers: [Handlers],
  },
  { logger: false },
);
process.send({ isUp: true });
// The parent process is gone.
process.on('disconnect', () => process.exit());
