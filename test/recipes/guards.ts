import {
  Injectable,
  Module,
  SetMetadata,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { JwtModule, JwtService } from '@nestjs/jwt';
import {
  SkipThrottle,
  ThrottlerGuard,
  ThrottlerModule,
} from '@nestjs/throttler';
import { XeniooModule } from '../../lib/index.js';

/** Exempts a route or a controller from the JwtGuard. */
export const Public = () => SetMetadata('isPublic', true);

interface Call {
  readonly headers: { readonly authorization?: string };
}

@Injectable()
export class JwtGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly jwt: JwtService,
  ) {}

  async canActivate(context: ExecutionContext) {
    const isPublic = this.reflector.getAllAndOverride<boolean>('isPublic', [
      context.getHandler(),
      context.getClass(),
    ]);
    return isPublic || this.hasToken(context);
  }

  private async hasToken(context: ExecutionContext) {
    const { headers } = context.switchToHttp().getRequest<Call>();
    const [, token = ''] = headers.authorization?.split(' ') ?? [];
    try {
      await this.jwt.verifyAsync(token);
      return true;
    } catch {
      throw new UnauthorizedException();
    }
  }
}

@Module({
  imports: [
    JwtModule.register({ secret: 'secret of the tokens' }),
    ThrottlerModule.forRoot([{ ttl: 60_000, limit: 10 }]),
    XeniooModule.forRoot({
      secret: 'secret-of-the-bot',
      decorators: [Public(), SkipThrottle()],
    }),
  ],
  providers: [
    { provide: APP_GUARD, useClass: ThrottlerGuard },
    { provide: APP_GUARD, useClass: JwtGuard },
  ],
})
export class GuardedModule {}
