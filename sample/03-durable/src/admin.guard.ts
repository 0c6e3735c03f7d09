import {
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Token of the administrators: that of the environment, or another one in each process. */
export const ADMIN_TOKEN = process.env.ADMIN_TOKEN || randomUUID();

/** Admits requests with the token. The inspector asks for it. */
@Injectable()
export class AdminGuard implements CanActivate {
  private readonly expected = digest(`Bearer ${ADMIN_TOKEN}`);

  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<IncomingMessage>();
    const given = digest(headers.authorization ?? '');
    if (timingSafeEqual(given, this.expected)) return true;
    throw new UnauthorizedException();
  }
}

/** Returns a digest, since `timingSafeEqual()` compares values of one length. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
