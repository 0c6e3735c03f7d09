import { Scope, type OnModuleInit } from '@nestjs/common';
import type { ModuleRef } from '@nestjs/core';
import { XeniooOptionsError } from '../xenioo.errors.js';

/** A provider that is created by a factory of the application. */
interface BootProvider {
  readonly token: symbol | (abstract new () => object);
  /** Description of the factory, for messages. */
  readonly factory: string;
  /** Tokens that the factory injects. */
  readonly inject: readonly unknown[];
}

/**
 * Rejects factories that inject request-scoped providers. Nest does not call such a
 * factory at boot, and silently creates nothing that depends on it.
 */
export class ScopeCheck implements OnModuleInit {
  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly providers: readonly BootProvider[],
  ) {}

  /** @throws {XeniooOptionsError} if a factory injects a request-scoped provider */
  onModuleInit(): void {
    for (const { token, factory, inject } of this.providers) {
      if (this.isStatic(token)) continue;
      const scoped = inject.filter(each => this.isRequestScoped(each));
      const names = scoped.map(nameOf).join(', ') || 'a provider';
      throw new XeniooOptionsError([
        `${factory} injects ${names}, which is request-scoped or depends on a request-scoped provider. The factory runs once, while the application boots, when there is no request: inject providers of the default scope`,
      ]);
    }
  }

  /** `ModuleRef.get()` throws for a provider that is not static. */
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
      // An optional dependency that no module provides.
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
