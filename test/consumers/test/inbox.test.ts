import { memoryInbox } from 'nestjs-xenioo';
import { xeniooInboxContract } from 'nestjs-xenioo/testing';

const { useFactory } = memoryInbox({ acknowledgeWithinMs: 0 });

describe('an inbox', () => {
  const contract = xeniooInboxContract({
    createStorage: async () => ({
      open: async settings => useFactory(settings),
    }),
    isDurable: false,
  });

  for (const { name, run } of contract) it(name, run);
});
