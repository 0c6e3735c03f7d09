// For those who write an inbox
export {
  xeniooInboxContract,
  type XeniooInboxContractCase,
  type XeniooInboxSettings,
  type XeniooInboxStorage,
  type XeniooInboxUnderTest,
} from './inbox-contract.js';
