import {
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { Request, Response } from 'express';

export const STAFF_PASSWORD = process.env.STAFF_PASSWORD || 'staff-secret';

const EXPECTED = `Basic ${Buffer.from(`staff:${STAFF_PASSWORD}`).toString('base64')}`;

/** Lets staff in, since transcripts are what people wrote; use the login of your company instead. */
@Injectable()
export class StaffGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const { headers } = http.getRequest<Request>();
    if (headers.authorization === EXPECTED) return true;
    http.getResponse<Response>().set('WWW-Authenticate', 'Basic');
    throw new UnauthorizedException();
  }
}
