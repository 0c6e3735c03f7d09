import {
  Injectable,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { ParsedRequest } from './read-body.js';
import { rawRequest, rawResponse, type HttpRequest } from './raw-http.js';
import { XeniooGate } from './xenioo.gate.js';

/**
 * Lets no request to the controller that does not have the right secret. As a
 * rule the gate has admitted it before; not where the host rewrote its URL, or
 * runs on an adapter that has no gate.
 */
@Injectable()
export class XeniooGuard implements CanActivate {
  constructor(private readonly gate: XeniooGate) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<HttpRequest & ParsedRequest>();
    const raw = rawRequest(request);
    if (this.gate.callOf(raw)) return true;
    return this.gate.admit(raw, rawResponse(http.getResponse()), request);
  }
}
