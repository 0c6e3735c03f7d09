import { SetMetadata } from '@nestjs/common';
import { SkipThrottle, ThrottlerGuard } from '@nestjs/throttler';
import { describe, expect, it } from 'vitest';
import { globalGuardWarning } from '../../../lib/webhook/global-guard-warning.js';

class AuthGuard {}
class TenantThrottlerGuard extends ThrottlerGuard {}
const Public = () => SetMetadata('public', true);

/** Returns the warning for a controller with these decorators. */
function warning(guards: unknown[], decorators: ClassDecorator[] = []) {
  class Controller {}
  for (const decorate of decorators) decorate(Controller);
  const route = {
    id: Symbol('xenioo/webhook'),
    controller: Controller,
    hasDecorators: decorators.length > 0,
  };
  return globalGuardWarning('/xenioo/webhook', route, guards);
}

describe('globalGuardWarning()', () => {
  it.each<[string, unknown[], ClassDecorator[], string]>([
    ['a guard', [AuthGuard], [], 'decorators: [Public()]'],
    ['the throttler', [ThrottlerGuard], [], 'decorators: [SkipThrottle()]'],
    [
      'both',
      [AuthGuard, ThrottlerGuard],
      [],
      'decorators: [Public(), SkipThrottle()]',
    ],
    [
      'the throttler, and only Public() is there',
      [AuthGuard, ThrottlerGuard],
      [Public()],
      'decorators: [SkipThrottle(), …]',
    ],
    [
      'a throttler of the host, and only Public() is there',
      [TenantThrottlerGuard],
      [Public()],
      'decorators: [SkipThrottle(), …]',
    ],
    [
      'the throttler, and it is not skipped',
      [ThrottlerGuard],
      [SkipThrottle({ default: false })],
      'decorators: [SkipThrottle(), …]',
    ],
  ])('warns of %s', (_what, guards, decorators, advice) => {
    const text = warning(guards, decorators);

    expect(text).toContain('POST /xenioo/webhook');
    expect(text).toContain(advice);
  });
});

describe('globalGuardWarning() without an unhandled guard', () => {
  it.each<[string, unknown[], ClassDecorator[]]>([
    ['without guards', [], []],
    [
      'of a guard, where a decorator exempts the route',
      [AuthGuard],
      [Public()],
    ],
    [
      'of the throttler that is skipped',
      [AuthGuard, ThrottlerGuard],
      [Public(), SkipThrottle()],
    ],
    ['of a guard that is not a class', [undefined, {}], [Public()]],
  ])('does not warn %s', (_what, guards, decorators) => {
    expect(warning(guards, decorators)).toBeUndefined();
  });
});
