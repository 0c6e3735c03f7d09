import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { missingEnhancers, type InstanceWrapper } from './nest-internals.js';
import type { XeniooRetryOptions } from '../options/xenioo-retry.js';
import { XeniooHandlerError } from '../xenioo.errors.js';
import {
  decoratedMethodsOf,
  drainUncheckedPrototypes,
} from './decorated-methods.js';
import { subscriptionsOf, type Subscription } from './subscription.js';
import { XeniooEmitter } from './xenioo.emitter.js';
import {
  createCall,
  XeniooHandler,
  type HandlerArgument,
} from './xenioo.handler.js';

const KEEP_CLASS_NAMES =
  'have the minifier keep class names (esbuild: `keepNames`, terser: `keep_classnames`, swc: `keepClassNames`)';

type Methods = Record<string, (value: HandlerArgument) => unknown>;

/** Finds the decorated methods of the application, for all instances of the module. */
@Injectable()
export class XeniooExplorer implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger = new Logger('Xenioo');
  private handlers: readonly XeniooHandler[] = [];
  private byName: ReadonlyMap<string, XeniooHandler> = new Map();
  /** Names of `@OnXenioo()` handlers whose class name looks minified. */
  private readonly minifiedNames: string[] = [];
  private readonly botNames = new Set<string>();
  /** True if every instance of the module has a fixed list of bots. */
  private areBotsKnown = true;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly emitter: XeniooEmitter,
  ) {}

  /** Returns the handlers that subscribe to events of a type; none before the application is initialised. */
  handlersOf(type: number): XeniooHandler[] {
    return this.handlers.filter(handler => handler.handlesType(type));
  }

  /** Returns the `@OnXeniooInvalid()` or `@OnXeniooFailed()` handlers. */
  subscribersTo(kind: 'invalid' | 'failed'): XeniooHandler[] {
    return this.handlers.filter(handler => handler.subscribesTo(kind));
  }

  /** Returns the `@OnXenioo()` handler with this name, or `undefined`. */
  handlerNamed(name: string): XeniooHandler | undefined {
    const handler = this.byName.get(name);
    return handler?.subscribesTo('events') ? handler : undefined;
  }

  onModuleInit(): void {
    this.byName = this.explore();
    this.handlers = [...this.byName.values()];
    for (const handler of this.handlers) {
      this.logger.log(`${handler.name} handles ${handler.describe()}`);
    }
    this.warnOfUncalledMethods();
  }

  /** Runs after `EventEmitterModule` has added its listeners, since global modules are bootstrapped first. */
  onApplicationBootstrap(): void {
    this.warnOfUnknownBots();
    if (this.handlers.length > 0 || this.emitter.hasListeners()) return;
    this.logger.warn(
      'No method handles Xenioo events: they are answered 200 and discarded. Decorate a method of a provider with @OnXenioo().',
    );
  }

  /** Adds the names of the bots of an instance of the module; `undefined` if they may change. */
  addBots(names: readonly string[] | undefined): void {
    if (!names) this.areBotsKnown = false;
    for (const name of names ?? []) this.botNames.add(name);
  }

  /**
   * Checks that the names of handlers survive the next build, for an inbox that stores them.
   * @throws {XeniooHandlerError} if the class name of a handler without a `name` looks minified
   */
  assertStableNames(storageLocation: string): void {
    if (this.minifiedNames.length === 0) return;
    throw new XeniooHandlerError(
      `The class names in ${this.minifiedNames.join(', ')} look minified, and another build may give them to other classes. ${storageLocation} stores tasks under the names of their handlers: give each of these handlers a \`name\` in its decorator, or ${KEEP_CLASS_NAMES}.`,
    );
  }

  /**
   * Checks that no handler is transactional, for an inbox that runs no transactions.
   * @throws {XeniooHandlerError} naming each
   */
  assertNoneTransactional(): void {
    const names = this.handlers
      .filter(handler => handler.isTransactional)
      .map(({ name }) => name);
    if (names.length === 0) return;
    throw new XeniooHandlerError(
      `${names.join(', ')} can't run: handlers with \`transactional: true\` need the PostgreSQL inbox, whose transactions they share. Set \`inbox: postgresInbox({ connection })\` of nestjs-xenioo/postgres, or take the option out.`,
    );
  }

  private warnOfUnknownBots(): void {
    const { botNames } = this;
    if (!this.areBotsKnown || botNames.size === 0) return;
    for (const { name, bots } of this.handlers) {
      const unknown = bots.filter(bot => !botNames.has(bot));
      if (unknown.length === 0) continue;
      this.logger.warn(
        `${name} does not run for bot ${unknown.join(', ')}: no bot of this application has this name. Correct the option \`bot\` of @OnXenioo(), or the names in \`bots\`: ${[...botNames].join(', ')}.`,
      );
    }
  }

  /** Warns of decorated methods that were replaced, or whose class no module provides. */
  private warnOfUncalledMethods(): void {
    const prototypes = new Set(
      this.wrappers().flatMap(({ instance }) => prototypesOf(instance)),
    );
    for (const prototype of prototypes) {
      for (const method of decoratedMethodsOf(prototype)) {
        if (isSubscribed(prototype, method)) continue;
        this.logger.warn(
          `${qualifiedName(prototype, method)} handles nothing: another decorator replaced the method after it was decorated for Xenioo events. Decorators apply from the bottom up: write @OnXenioo(), @OnXeniooInvalid() or @OnXeniooFailed() above the other one.`,
        );
      }
    }
    const names = drainUncheckedPrototypes()
      .filter(prototype => !prototypes.has(prototype))
      .flatMap(prototype =>
        decoratedMethodsOf(prototype).map(method =>
          qualifiedName(prototype, method),
        ),
      );
    if (names.length === 0) return;
    this.logger.warn(
      `These decorated methods handle nothing, because no module of this application provides their class: ${names.join(', ')}. Add each class to the \`providers\` or \`controllers\` of a module. If it belongs to another application of this process or to a test, ignore this warning; handlers of lazily loaded modules are not supported.`,
    );
  }

  /** @throws {XeniooHandlerError} if two handlers have the same name */
  private explore(): ReadonlyMap<string, XeniooHandler> {
    const handlers = new Map<string, XeniooHandler>();
    for (const handler of this.wrappers().flatMap(w =>
      this.handlersOfInstance(w),
    )) {
      if (handlers.has(handler.name)) {
        throw new XeniooHandlerError(
          `Two Xenioo handlers are named ${handler.name}, and tasks are stored under the names of their handlers. Provide the class in one module only, or set \`name\` in one of the decorators.${
            looksMinified(handler.name.split('.')[0]!)
              ? ` If the code is minified, two classes may have the same name: ${KEEP_CLASS_NAMES}.`
              : ''
          }`,
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
    const instantiated = wrappers.filter(wrapper => !wrapper.isNotMetatype);
    // Classes that Nest instantiated come first: guards, interceptors and filters work only there.
    return [...instantiated, ...wrappers].filter(({ instance }) => {
      // An instance may be provided under several tokens.
      if (!isObject(instance) || instances.has(instance)) return false;
      return instances.add(instance);
    });
  }

  private handlersOfInstance(wrapper: InstanceWrapper): XeniooHandler[] {
    const prototype = Object.getPrototypeOf(wrapper.instance) as Methods | null;
    if (!prototype) return [];
    return this.scanner.getAllMethodNames(prototype).flatMap(method => {
      const subscriptions = subscriptionsOf(prototype[method]!);
      if (subscriptions.length === 0) return [];
      const defaultName = qualifiedName(prototype, method);
      const given = givenName(defaultName, subscriptions);
      const name = given ?? defaultName;
      const handlesEvents = subscriptions.some(({ to }) => to === 'events');
      if (
        handlesEvents &&
        !given &&
        looksMinified(prototype.constructor.name) &&
        // A minifier renames the module as well: in `AppModule`, `Db` is a class with a short name.
        looksMinified(wrapper.host?.name ?? '')
      ) {
        this.minifiedNames.push(name);
      }
      assertSameRetry(name, subscriptions);
      const missing = missingEnhancers(wrapper, method);
      if (missing.length > 0) {
        throw new XeniooHandlerError(
          `${name} would run without its ${missing.join(', ')}: Nest creates the guards, interceptors and filters only of a class that it instantiates, not of an instance from a factory or a value. Provide the class itself, or put instances into the decorators, as @UseGuards(new ${missing[0]}()).`,
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

/** Returns the prototypes of an instance, from its class to the base class. */
function prototypesOf(instance: object): object[] {
  const prototype = Object.getPrototypeOf(instance) as object | null;
  return prototype ? [prototype, ...prototypesOf(prototype)] : [];
}

function isSubscribed(prototype: object, method: string): boolean {
  const { value }: PropertyDescriptor =
    Object.getOwnPropertyDescriptor(prototype, method) ?? {};
  return typeof value === 'function' && subscriptionsOf(value).length > 0;
}

function qualifiedName(prototype: object, method: string): string {
  return `${prototype.constructor.name}.${method}`;
}

/**
 * Returns true if a class name may come from a minifier: it has at most two characters,
 * or at most four and does not start with a capital, such as `r`, `e1`, `_a` and `$Xb`.
 * In a bundle in which NestJS's own classes are renamed, a capital proves nothing:
 * `Wye` may come from a minifier as well.
 */
function looksMinified(className: string): boolean {
  const isNestMinified = MetadataScanner.name !== 'MetadataScanner';
  return isNestMinified
    ? className.length <= 4
    : /^([\w$]{0,2}|[a-z_$][\w$]{0,3})$/.test(className);
}

/** Returns the option `name` of the decorators of a method. */
function givenName(
  defaultName: string,
  subscriptions: readonly Subscription[],
): string | undefined {
  const given = new Set(subscriptions.flatMap(({ name }) => name ?? []));
  if (given.size > 1) {
    throw new XeniooHandlerError(
      `${defaultName} has several names, ${[...given].join(' and ')}: set \`name\` in one of its decorators, or the same one in all.`,
    );
  }
  return [...given][0];
}

/** Serializes an option `retry` independently of the order of its fields. */
function serializeRetry(retry: XeniooRetryOptions | false): string {
  if (!retry) return 'false';
  const names = ['attempts', 'backoff', 'delayMs', 'maxDelayMs'] as const;
  return names.map(name => `${name}: ${retry[name]}`).join();
}

function assertSameRetry(
  name: string,
  subscriptions: readonly Subscription[],
): void {
  const given = new Set(
    subscriptions.flatMap(s =>
      s.to === 'events' && s.retry !== undefined
        ? [serializeRetry(s.retry)]
        : [],
    ),
  );
  if (given.size < 2) return;
  throw new XeniooHandlerError(
    `${name} has decorators with different \`retry\` options. A method is retried as a whole: set \`retry\` in one of its decorators, or the same one in all.`,
  );
}
