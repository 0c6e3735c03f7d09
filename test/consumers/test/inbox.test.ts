import { MemoryInbox } from 'nestjs-xenioo';
import { xeniooInboxContract } from 'nestjs-xenioo/testing';

describe('an inbox', () => {
  const contract = xeniooInboxContract({
    createStorage: () => ({ open: settings => new MemoryInbox(settings) }),
    isDurable: false,
  });

  for (const { name, run } of contract) it(name, run);
});
