import {
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request, Response } from 'express';

export const BOARD_PASSWORD = process.env.BOARD_PASSWORD ?? 'board-secret';

/** Returns true for a request with the password. Use the authentication of your staff instead. */
export function isOfStaff({ headers }: Request): boolean {
  return headers.authorization === `Basic ${btoa(`board:${BOARD_PASSWORD}`)}`;
}

/** Admits the staff. The browser asks for user and password. */
@Injectable()
export class StaffGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    if (isOfStaff(http.getRequest<Request>())) return true;
    http.getResponse<Response>().set('WWW-Authenticate', 'Basic');
    throw new UnauthorizedException();
  }
}
