/** State of the webhook, of the processing and of the inbox. */
export interface State {
  readonly bots: readonly string[];
  readonly urls: readonly string[];
  readonly readOnly: boolean;
  readonly showText: boolean;
  readonly isPaused: boolean;
  /** False if this process runs no handlers: `worker: false`. */
  readonly handlesEvents: boolean;
  readonly isSilent: boolean;
  readonly strikes: number;
  readonly refused: number;
  readonly lastAcceptedAt?: string;
  readonly lastEventAt?: string;
  readonly pending: number;
  readonly running: number;
  readonly retries: number;
  readonly deadLetters: number;
  readonly oldestPendingAt?: string;
  readonly pid: number;
  readonly startedAt: string;
  /** True if several processes may share the inbox. */
  readonly isShared: boolean;
  /** The reason why the counts of the inbox can't be read now. */
  readonly problem?: string;
}

export type ResultStatus = 'running' | 'done' | 'retry' | 'failed';

/** Latest attempt of a handler on an event. */
export interface HandlerResult {
  readonly handler: string;
  readonly status: ResultStatus;
  readonly attempt: number;
  readonly durationMs?: number;
  readonly error?: string;
}

/** Event or invalid entry, without what a person wrote unless `showText` is on. */
export interface InspectedEntry {
  readonly id: string;
  readonly kind: 'event' | 'invalid';
  readonly type?: number;
  readonly typeName: string;
  readonly bot: string;
  readonly channel?: string;
  readonly conversationId?: string;
  readonly date?: string;
  readonly receivedAt: string;
  readonly text?: string;
  readonly hasText: boolean;
  readonly reason?: string;
  readonly errors?: readonly string[];
}

/** Entry that this process received, with the results of its handlers. */
export interface InspectedEvent extends InspectedEntry {
  readonly seq: number;
  readonly results: readonly HandlerResult[];
}

/** Dead letter. */
export interface Letter {
  readonly id: string;
  readonly kind: 'event' | 'invalid';
  readonly handler?: string;
  readonly attempts?: number;
  readonly error?: { readonly message: string; readonly stack?: string };
  readonly deadLetteredAt: string;
  readonly event: InspectedEntry;
}

/** Contents of an entry that the reader asked for. */
export interface Contents {
  readonly text?: string;
  readonly raw: unknown;
}

type Values = readonly (number | null)[];

/** Figures of the last 60 minutes, one per minute. */
export interface Charts {
  readonly minutes: readonly string[];
  readonly events: Readonly<Record<string, readonly number[]>>;
  readonly failures: readonly number[];
  readonly strikes: readonly number[];
  readonly handlerMs: {
    readonly p50: Values;
    readonly p95: Values;
    readonly p99: Values;
  };
  readonly answerMs: { readonly p50: Values; readonly p95: Values };
}
