import type { XeniooInbox } from '../inbox/xenioo.inbox.js';
import type { XeniooSettings } from '../options/xenioo.options.js';

/** Settings of the module that every inbox applies. */
export type XeniooInboxSettings = Pick<
  XeniooSettings,
  'concurrency' | 'dedupe' | 'acceptTimeoutMs'
>;

/** An empty storage location for one test. */
export interface XeniooInboxStorage {
  /**
   * Creates an inbox there whose `accept()` does not wait for handlers. A durable one
   * continues with the tasks that an earlier, stopped one has left.
   */
  open(settings: XeniooInboxSettings): Promise<XeniooInbox>;
  /**
   * Makes the storage fail, as on a full disk or while a server is down, until the
   * function that it resolves to is called. Without `interrupt()`, the contract tests
   * rejected calls only on a stopped inbox.
   */
  interrupt?(): Promise<() => Promise<void>>;
  /** Removes the storage, once every inbox there has stopped. */
  remove?(): Promise<void>;
}

/** The inbox to test and its guarantees. */
export interface XeniooInboxUnderTest {
  /** Creates an empty storage location for one test. */
  createStorage(): Promise<XeniooInboxStorage>;
  /** True when accepted events survive the process. */
  readonly isDurable: boolean;
  /**
   * True when first attempts of one conversation run one after another, in order.
   * @default true
   */
  readonly keepsOrder?: boolean;
  /**
   * Upper bound in milliseconds of each operation of the inbox.
   * @default 4_000
   */
  readonly waitMs?: number;
}

/** One requirement of every inbox. */
export interface XeniooInboxContractCase {
  /** The requirement in words. */
  readonly name: string;
  /** Rejects with an `AssertionError` when the inbox does not meet it. */
  readonly run: () => Promise<void>;
}
