import { Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import type { XeniooTransaction } from '../handlers/xenioo-transaction.js';
import { XeniooHandlerError } from '../xenioo.errors.js';

/** Statements that would end the transaction of a handler, or begin another; savepoints are allowed. */
const TRANSACTION_CONTROL =
  /^(?:[\s;]|--.*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)*(begin|start|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))\b/i;

/** Transaction that a handler gets: rejects statements that would end it, and those after the handler has returned or timed out. */
export class GuardedTransaction implements XeniooTransaction {
  readonly #tx: XeniooTransaction;
  private readonly logger = new Logger('Xenioo');
  private isOpen = true;
  /** Error of the first statement that failed. */
  private failure: unknown;

  constructor(
    tx: XeniooTransaction,
    private readonly handler: string,
    private readonly signal: AbortSignal,
  ) {
    this.#tx = tx;
  }

  query(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Record<string, unknown>[] }> {
    const isLate = !this.isOpen && !this.signal.aborted;
    const answer = this.run(text, values);
    // A statement that the handler does not await must not end the process.
    answer.catch((error: unknown) => {
      if (isLate) this.logger.error(describeError(error).message);
      else this.failure ??= error;
    });
    return answer;
  }

  close(): void {
    this.isOpen = false;
  }

  /** Returns the error of a transaction that could not be recorded: the cause is a failed statement, if there is one. */
  errorOf(error: unknown): unknown {
    if (this.failure === undefined) return error;
    return new XeniooHandlerError(
      `the transaction of ${this.handler} was rolled back, because one of its statements failed and the handler did not throw the error`,
      { cause: this.failure },
    );
  }

  private async run(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Record<string, unknown>[] }> {
    if (this.signal.aborted) throw lateError(this.handler);
    if (!this.isOpen) {
      throw new XeniooHandlerError(
        `the transaction of ${this.handler} has ended, because the handler has returned: await every statement before it returns`,
      );
    }
    const control = TRANSACTION_CONTROL.exec(text)?.[1];
    if (control !== undefined) {
      throw new XeniooHandlerError(
        `tx.query() of ${this.handler} rejects ${control.toUpperCase()}: the transaction is committed when the handler returns, and rolled back when it throws`,
      );
    }
    return this.#tx.query(text, values);
  }
}

export function lateError(handler: string): XeniooHandlerError {
  return new XeniooHandlerError(
    `the transaction of ${handler} was rolled back: the handler took longer than \`handlerTimeoutMs\``,
  );
}
