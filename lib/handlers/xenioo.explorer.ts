import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { unmadeEnhancers, type InstanceWrapper } from './nest-internals.js';
import type { XeniooRetryOptions } from '../options/xenioo-retry.js';
import { XeniooHandlerError } from '../xenioo.errors.js';
import { subscriptionsOf, type Subscription } from './subscription.js';
import { createCall, XeniooHandler, type Handled } from './xenioo.handler.js';

type Methods = Record<string, (value: Handled) => unknown>;

/** Finds the decorated methods of the application, for all instances of the module. */
@Injectable()
export class XeniooExplorer implements OnModuleInit {
  private found: readonly XeniooHandler[] = [];
  private byName: ReadonlyMap<string, XeniooHandler> = new Map();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** Returns the handlers that subscribe to events of a type; none before the application is initialised. */
  handlersOf(type: number): XeniooHandler[] {
    return this.found.filter(handler => handler.handlesType(type));
  }

  /** Returns the `@OnXeniooInvalid()` or `@OnXeniooFailed()` handlers. */
  subscribersTo(kind: 'invalid' | 'failed'): XeniooHandler[] {
    return this.found.filter(handler => handler.subscribesTo(kind));
  }

  /** Returns the `@OnXenioo()` handler of a name, if there is one. */
  handlerNamed(name: string): XeniooHandler | undefined {
    const handler = this.byName.get(name);
    return handler?.subscribesTo('events') ? handler : undefined;
  }

  onModuleInit(): void {
    this.byName = this.explore();
    this.found = [...this.byName.values()];
    const logger = new Logger('Xenioo');
    for (const handler of this.found) {
      logger.log(`${handler.name} handles ${handler.describe()}`);
    }
    if (this.found.length === 0) {
      logger.warn(
        'No method handles Xenioo events: they are answered 200, and nothing else happens. Decorate a method of a provider with @OnXenioo().',
      );
    }
  }

  /** @throws {XeniooHandlerError} when two methods have one name */
  private explore(): ReadonlyMap<string, XeniooHandler> {
    const handlers = new Map<string, XeniooHandler>();
    for (const handler of this.wrappers().flatMap(w => this.handlersIn(w))) {
      if (handlers.has(handler.name)) {
        throw new XeniooHandlerError(
          `Two Xenioo handlers are called ${handler.name}. What a handler has done is kept under its name: provide its class in one module only, or set \`name\` in one of the decorators.`,
        );
      }
      handlers.set(handler.name, handler);
    }
    return handlers;
  }

  private wrappers(): InstanceWrapper[] {
    const instances = new Set<unknown>();
    const wrappers = [
      ...this.discovery.getProviders(),
      ...this.discovery.getControllers(),
    ];
    const made = wrappers.filter(wrapper => !wrapper.isNotMetatype);
    // First the classes that Nest made: what is written on them works there alone.
    return [...made, ...wrappers].filter(({ instance }) => {
      // One provided under several tokens, by `useExisting` or a factory, is one handler.
      if (!isObject(instance) || instances.has(instance)) return false;
      return instances.add(instance);
    });
  }

  private handlersIn(wrapper: InstanceWrapper): XeniooHandler[] {
    const prototype = Object.getPrototypeOf(wrapper.instance) as Methods | null;
    if (!prototype) return [];
    return this.scanner.getAllMethodNames(prototype).flatMap(method => {
      const subscriptions = subscriptionsOf(prototype[method]!);
      if (subscriptions.length === 0) return [];
      const name = handlerName(wrapper, method, subscriptions);
      assertOneRetry(name, subscriptions);
      const unmade = unmadeEnhancers(wrapper, method);
      if (unmade.length > 0) {
        throw new XeniooHandlerError(
          `${name} would run without its ${unmade.join(', ')}: Nest makes the guards, interceptors and filters of a class that it instantiates, not of an instance that a factory or a value gives it. Provide the class itself, or put instances into the decorators, as @UseGuards(new ${unmade[0]}()).`,
        );
      }
      return [
        new XeniooHandler(name, subscriptions, createCall(wrapper, method)),
      ];
    });
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function handlerName(
  wrapper: InstanceWrapper,
  method: string,
  subscriptions: readonly Subscription[],
): string {
  const standard = `${(wrapper.instance as object).constructor.name}.${method}`;
  const given = new Set(
    subscriptions.flatMap(s => (s.to === 'events' && s.name) || []),
  );
  if (given.size > 1) {
    throw new XeniooHandlerError(
      `${standard} has several names, ${[...given].join(' and ')}: give one of its decorators a \`name\`, or all the same.`,
    );
  }
  return [...given][0] ?? standard;
}

/** The same for the same, in whatever order it is written. */
function textOf(retry: XeniooRetryOptions | false): string {
  if (!retry) return 'false';
  const names = ['attempts', 'backoff', 'delayMs', 'maxDelayMs'] as const;
  return names.map(name => `${name}: ${retry[name]}`).join();
}

function assertOneRetry(
  name: string,
  subscriptions: readonly Subscription[],
): void {
  const given = new Set(
    subscriptions.flatMap(s =>
      s.to === 'events' && s.retry !== undefined ? [textOf(s.retry)] : [],
    ),
  );
  if (given.size < 2) return;
  throw new XeniooHandlerError(
    `${name} has several \`retry\` that differ. It is tried again as a whole: give one of its decorators a \`retry\`, or all the same.`,
  );
}
