import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { unmadeEnhancers, type InstanceWrapper } from './nest-internals.js';
import type { XeniooRetryOptions } from '../options/xenioo-retry.js';
import { XeniooHandlerError } from '../xenioo.errors.js';
import {
  decoratedMethodsOf,
  uncheckedPrototypes,
} from './decorated-methods.js';
import { subscriptionsOf, type Subscription } from './subscription.js';
import { XeniooEmitter } from './xenioo.emitter.js';
import { createCall, XeniooHandler, type Handled } from './xenioo.handler.js';

const KEEP_CLASS_NAMES =
  'have the minifier keep class names (esbuild: `keepNames`, terser: `keep_classnames`, swc: `keepClassNames`)';

type Methods = Record<string, (value: Handled) => unknown>;

/** Finds the decorated methods of the application, for all instances of the module. */
@Injectable()
export class XeniooExplorer implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger = new Logger('Xenioo');
  private found: readonly XeniooHandler[] = [];
  private byName: ReadonlyMap<string, XeniooHandler> = new Map();
  /** Handlers of events that are named after a class whose name looks minified. */
  private readonly minified: string[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly emitter: XeniooEmitter,
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
    for (const handler of this.found) {
      this.logger.log(`${handler.name} handles ${handler.describe()}`);
    }
    this.warnOfUnfound();
  }

  /** Global modules are bootstrapped first: `EventEmitterModule` has added its listeners. */
  onApplicationBootstrap(): void {
    if (this.found.length > 0 || this.emitter.hasListeners()) return;
    this.logger.warn(
      'No method handles Xenioo events: they are answered 200, and nothing else happens. Decorate a method of a provider with @OnXenioo().',
    );
  }

  /**
   * Checks that the names of handlers survive the next build, for an inbox that stores them.
   * @throws {XeniooHandlerError} when a handler is named after a class whose name looks minified
   */
  assertLastingNames(storageLocation: string): void {
    if (this.minified.length === 0) return;
    throw new XeniooHandlerError(
      `The class names in ${this.minified.join(', ')} look minified, and another build may give them to other classes. ${storageLocation} stores tasks under the names of their handlers: give each of these handlers a \`name\` in its decorator, or ${KEEP_CLASS_NAMES}.`,
    );
  }

  /** Warns of decorated methods that are not called, as far as that can be known. */
  private warnOfUnfound(): void {
    const prototypes = new Set(
      this.wrappers().flatMap(({ instance }) => prototypesOf(instance)),
    );
    for (const prototype of prototypes) {
      for (const method of decoratedMethodsOf(prototype)) {
        if (isSubscribed(prototype, method)) continue;
        this.logger.warn(
          `${nameIn(prototype, method)} handles nothing: another decorator replaced the method after it was decorated for Xenioo events. Decorators apply from the bottom up: write @OnXenioo(), @OnXeniooInvalid() or @OnXeniooFailed() above the other one.`,
        );
      }
    }
    const names = uncheckedPrototypes()
      .filter(prototype => !prototypes.has(prototype))
      .flatMap(prototype =>
        decoratedMethodsOf(prototype).map(method => nameIn(prototype, method)),
      );
    if (names.length === 0) return;
    this.logger.warn(
      `These decorated methods handle nothing, because no module of this application provides their class: ${names.join(', ')}. Add each class to the \`providers\` or \`controllers\` of a module. If it belongs to another application of this process or to a test, ignore this warning; handlers of lazily loaded modules are not supported.`,
    );
  }

  /** @throws {XeniooHandlerError} when two methods have one name */
  private explore(): ReadonlyMap<string, XeniooHandler> {
    const handlers = new Map<string, XeniooHandler>();
    for (const handler of this.wrappers().flatMap(w => this.handlersIn(w))) {
      if (handlers.has(handler.name)) {
        throw new XeniooHandlerError(
          `Two Xenioo handlers are called ${handler.name}. What a handler has done is kept under its name: provide its class in one module only, or set \`name\` in one of the decorators.${
            looksMinified(handler.name.split('.')[0]!)
              ? ` If the code is minified, two classes may have become one name: ${KEEP_CLASS_NAMES}.`
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
      const standard = nameIn(prototype, method);
      const given = givenName(standard, subscriptions);
      const name = given ?? standard;
      const handlesEvents = subscriptions.some(({ to }) => to === 'events');
      if (
        handlesEvents &&
        !given &&
        looksMinified(prototype.constructor.name)
      ) {
        this.minified.push(name);
      }
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

function nameIn(prototype: object, method: string): string {
  return `${prototype.constructor.name}.${method}`;
}

/**
 * Answers whether a minifier may have made the name of a class: it has at most two
 * characters, or at most four and no capital first, such as `r`, `e1`, `_a` and `$Xb`.
 * In a bundle where the classes of NestJS are renamed, a capital does not save it:
 * `Wye` is such a name too.
 */
function looksMinified(className: string): boolean {
  const isNestMinified = MetadataScanner.name !== 'MetadataScanner';
  return isNestMinified
    ? className.length <= 4
    : /^([\w$]{0,2}|[a-z_$][\w$]{0,3})$/.test(className);
}

/** Returns the `name` that decorators of a method give it, if they do. */
function givenName(
  standard: string,
  subscriptions: readonly Subscription[],
): string | undefined {
  const given = new Set(subscriptions.flatMap(({ name }) => name ?? []));
  if (given.size > 1) {
    throw new XeniooHandlerError(
      `${standard} has several names, ${[...given].join(' and ')}: give one of its decorators a \`name\`, or all the same.`,
    );
  }
  return [...given][0];
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
