import {
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { IncomingMessage } from 'node:http';

/** Allows operators. Use the authentication of your staff instead. */
@Injectable()
export class AdminGuard implements CanActivate {
  private readonly token = process.env.ADMIN_TOKEN ?? 'admin-token';

  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<IncomingMessage>();
    if (headers.authorization === `Bearer ${this.token}`) return true;
    throw new UnauthorizedException();
  }
}
