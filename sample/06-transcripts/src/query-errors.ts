import { Catch, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { DrizzleQueryError } from 'drizzle-orm';

/** Returns the error of PostgreSQL. The message of Drizzle's error around it contains the parameters: secrets, and what people write. */
export function causeOf(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? error.cause : error;
}

/** Keeps the parameters of queries out of the log. */
@Catch(DrizzleQueryError)
export class QueryErrorFilter extends BaseExceptionFilter {
  override catch(error: DrizzleQueryError, host: ArgumentsHost) {
    super.catch(causeOf(error), host);
  }
}
