import { Scope, type OnModuleInit } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { XeniooOptionsError } from '../xenioo.errors.js';

/** A provider that a factory of the host makes while the application boots. */
interface BootProvider {
  readonly token: symbol | (abstract new () => object);
  /** The option whose factory it is, for messages. */
  readonly factory: string;
  /** Tokens that the factory injects. */
  readonly inject: readonly unknown[];
}

/**
 * Rejects factories that inject request-scoped providers. Nest never calls such a
 * factory, and leaves out whatever depends on it without a word.
 */
export class ScopeCheck implements OnModuleInit {
  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly providers: readonly BootProvider[],
  ) {}

  /** @throws {XeniooOptionsError} when a provider is request-scoped */
  onModuleInit(): void {
    for (const { token, factory, inject } of this.providers) {
      if (this.isStatic(token)) continue;
      const scoped = inject.filter(each => this.isRequestScoped(each));
      const names = scoped.map(nameOf).join(', ') || 'a provider';
      throw new XeniooOptionsError([
        `${factory} injects ${names}, which is request-scoped or depends on such a provider. It runs once, while the application boots, when there is no request: inject providers of the default scope`,
      ]);
    }
  }

  /** Nest refuses to return providers that are not static. */
  private isStatic(token: BootProvider['token']): boolean {
    try {
      this.moduleRef.get(token, { strict: true });
      return true;
    } catch {
      return false;
    }
  }

  private isRequestScoped(injected: unknown): boolean {
    try {
      const { scope } = this.moduleRef.introspect(tokenOf(injected));
      return scope === Scope.REQUEST;
    } catch {
      // Optional, and not there.
      return false;
    }
  }
}

function tokenOf(injected: unknown): Parameters<ModuleRef['introspect']>[0] {
  const { token = injected } = Object(injected) as { token?: unknown };
  return token as Parameters<ModuleRef['introspect']>[0];
}

function nameOf(injected: unknown): string {
  const token = tokenOf(injected);
  return typeof token === 'function' ? token.name : String(token);
}
