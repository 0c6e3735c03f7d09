import {
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { rawRequest } from './raw-http.js';
import { XeniooGate } from './xenioo.gate.js';

/** Lets no request to the controller that did not come through the gate with the right secret. */
@Injectable()
export class XeniooGuard implements CanActivate {
  constructor(private readonly gate: XeniooGate) {}

  canActivate(context: ExecutionContext): boolean {
    const request = rawRequest(context.switchToHttp().getRequest());
    if (this.gate.callOf(request)) return true;
    throw new UnauthorizedException();
  }
}
