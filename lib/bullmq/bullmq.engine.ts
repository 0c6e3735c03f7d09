import type { Processor, WorkerOptions } from 'bullmq';
import type { XeniooDedupeSettings } from '../options/xenioo-dedupe.js';
import type { StoredJob, XeniooQueue, XeniooWorker } from './stored-job.js';

/** Redis or PostgreSQL, as far as they differ under BullMQ. */
export interface BullmqEngine {
  /** For messages, without user and password: `'Redis at 127.0.0.1:6379'`. */
  readonly name: string;
  /** How many jobs one bulk call holds at most. */
  readonly jobsAtOnce: number;
  /** How many calls to it may be under way; what comes meanwhile goes in one bulk call. */
  readonly callsAtOnce: number;
  /** Whether a bulk call is so much cheaper that what comes together is waited for. */
  readonly gathers: boolean;
  /** @throws when it does not answer, or not as it must */
  open(): Promise<OpenEngine>;
  /** Whether it answers and refuses just what it was given, as nothing else would be. */
  isRefusal(error: unknown): boolean;
}

/** An engine that has answered. From then on it finds its way back by itself. */
export interface OpenEngine {
  readonly queue: XeniooQueue;
  /** Whether it is there, as far as one can see. */
  readonly isUp: boolean;
  /** A worker that does nothing before its `run()`. */
  openWorker(
    processor: Processor<StoredJob, void>,
    options: Omit<WorkerOptions, 'connection'>,
  ): Promise<XeniooWorker>;
  /**
   * Notes that these ids were claimed by what is being `added`, and forgets the oldest past `maxIds`; calls
   * `onKnown` with how many were known before, where it knows.
   */
  noteClaims(
    ids: readonly string[],
    dedupe: XeniooDedupeSettings,
    added: Promise<void>,
    onKnown: (count: number) => void,
  ): Promise<void>;
  /** A sentence for each way in which it is set up to lose what it has accepted. */
  risks(): Promise<string[]>;
  /** Whether it can take so much more, and still has what handling needs. */
  hasRoomFor(jobs: number, dataBytes: number): Promise<boolean>;
  /** Does what can be done about an error, if anything. */
  mend?(error: unknown): Promise<void>;
  close(): Promise<void>;
}
