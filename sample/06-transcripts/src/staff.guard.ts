import {
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request, Response } from 'express';

export const STAFF_PASSWORD = process.env.STAFF_PASSWORD ?? 'staff-secret';

/** Lets staff in, since transcripts are what people wrote; use the login of your company instead. */
@Injectable()
export class StaffGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const { headers } = http.getRequest<Request>();
    const expected = `Basic ${btoa(`staff:${STAFF_PASSWORD}`)}`;
    if (headers.authorization === expected) return true;
    http.getResponse<Response>().set('WWW-Authenticate', 'Basic');
    throw new UnauthorizedException();
  }
}
