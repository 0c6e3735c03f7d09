import type { XeniooInbox } from '../inbox/xenioo.inbox.js';
import type { XeniooSettings } from '../options/xenioo.options.js';

/** Settings of the module that every inbox follows. */
export type XeniooInboxSettings = Pick<
  XeniooSettings,
  'concurrency' | 'dedupe' | 'acceptTimeoutMs'
>;

/** An empty storage location for one test. */
export interface XeniooInboxStorage {
  /**
   * Makes an inbox there whose `accept()` does not wait for handlers. A durable one
   * goes on with what an earlier one, stopped by then, has left.
   */
  open(settings: XeniooInboxSettings): Promise<XeniooInbox>;
  /**
   * Makes the storage fail, as on a full disk or while a server is down, until
   * the function that it resolves with is called. Without it, the contract tests
   * rejected calls on a stopped inbox only.
   */
  interrupt?(): Promise<() => Promise<void>>;
  /** Removes the storage; every inbox there has stopped. */
  remove?(): Promise<void>;
}

/** The inbox to test, and what it promises. */
export interface XeniooInboxUnderTest {
  /** Makes an empty storage location for one test. */
  createStorage(): Promise<XeniooInboxStorage>;
  /** True when what was accepted survives the process. */
  readonly isDurable: boolean;
  /**
   * True when first attempts of one conversation run one after another, in order.
   * @default true
   */
  readonly keepsOrder?: boolean;
  /**
   * Upper bound in milliseconds of anything that the inbox has to do at once.
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
