import type { XeniooRoute } from './xenioo.route.js';

/**
 * Returns a warning for the boot log if a global guard of the application may deny
 * calls of the webhook.
 * @param guards the classes of the global guards
 */
export function globalGuardWarning(
  url: string,
  { controller, hasDecorators }: XeniooRoute,
  guards: readonly unknown[],
): string | undefined {
  const isThrottled = guards.some(isThrottler) && !skipsThrottling(controller);
  const isGuarded = !hasDecorators && !guards.every(isThrottler);
  if (!isThrottled && !isGuarded) return undefined;
  const decorators = [
    ...(isGuarded ? ['Public()'] : []),
    ...(isThrottled ? ['SkipThrottle()'] : []),
    ...(hasDecorators ? ['…'] : []),
  ];
  return `The application has global guards${isThrottled ? ', ThrottlerGuard among them' : ''}, which also run for POST ${url}. If one denies calls of Xenioo, Xenioo stops calling. Exempt the webhook with the decorators that your guards look for: XeniooModule.forRoot({ …, decorators: [${decorators.join(', ')}] }).`;
}

/** Recognises `ThrottlerGuard` of `@nestjs/throttler` and classes that extend it, without importing it. */
function isThrottler(guard: unknown): boolean {
  if (typeof guard !== 'function') return false;
  return (
    guard.name === 'ThrottlerGuard' || isThrottler(Object.getPrototypeOf(guard))
  );
}

/** Returns true if a controller has metadata of `SkipThrottle()`, which has one key per throttler. */
function skipsThrottling(controller: object): boolean {
  return Reflect.getMetadataKeys(controller).some(
    key =>
      String(key).startsWith('THROTTLER:SKIP') &&
      Reflect.getMetadata(key, controller) === true,
  );
}
