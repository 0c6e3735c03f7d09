import {
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request } from 'express';

/** Allows calls with the API Secret of the bot. */
@Injectable()
export class XeniooGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<Request>();
    const [scheme, secret] = headers.authorization?.split(' ') ?? [];
    if (scheme !== 'Bearer' || secret !== process.env.XENIOO_SECRET) {
      throw new UnauthorizedException();
    }
    return true;
  }
}
