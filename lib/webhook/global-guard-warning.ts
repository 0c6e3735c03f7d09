import type { XeniooRoute } from './xenioo.route.js';

/**
 * Returns a warning for the boot log if a global guard of the host may deny the
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
  return `The application has global guards, and Nest runs them for POST ${url} too${isThrottled ? ', ThrottlerGuard among them' : ''}. If one denies the calls of Xenioo, Xenioo stops calling: give the module the decorators that exempt a route, as XeniooModule.forRoot({ …, decorators: [${decorators.join(', ')}] }).`;
}

/** Recognises `ThrottlerGuard` of `@nestjs/throttler` and classes that extend it, without importing it. */
function isThrottler(guard: unknown): boolean {
  if (typeof guard !== 'function') return false;
  return (
    guard.name === 'ThrottlerGuard' || isThrottler(Object.getPrototypeOf(guard))
  );
}

/** Looks for the metadata of `SkipThrottle()`, which has a key per throttler. */
function skipsThrottling(controller: object): boolean {
  return Reflect.getMetadataKeys(controller).some(
    key =>
      String(key).startsWith('THROTTLER:SKIP') &&
      Reflect.getMetadata(key, controller) === true,
  );
}
