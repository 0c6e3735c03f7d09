import { Test } from '@nestjs/testing';
import { deliver, dispatched, xeniooEntry } from 'nestjs-xenioo/testing';
import { AppModule } from './app.module';
import { Crm } from './crm';

it('retries a handler without waiting for its delays', async () => {
  const module = await Test.createTestingModule({
    imports: [AppModule],
    providers: [Crm],
  }).compile();
  const app = await module.createNestApplication().init();
  jest.spyOn(app.get(Crm).texts, 'push').mockImplementationOnce(() => {
    throw new Error('the CRM is down');
  });
  jest.useFakeTimers();

  await deliver(app, xeniooEntry.userMessage());
  await jest.advanceTimersByTimeAsync(10_000);

  expect(dispatched(app, 'Crm.save')).toMatchObject([
    { attempt: 1, status: 'retry' },
    { attempt: 2, status: 'done' },
  ]);
  jest.useRealTimers();
  await app.close();
});
