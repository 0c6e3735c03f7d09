import type { AbstractHttpAdapter, HttpAdapterHost } from '@nestjs/core';
import { layerOf, type Express } from '../webhook/express.gate.js';
import { ignoresTrailingSlash, type Fastify } from '../webhook/fastify.gate.js';

/** Final URL of the page; on Fastify it gets a trailing slash as well. */
export class PageRoute {
  private findUrl: () => string | undefined = () => undefined;

  constructor(
    readonly id: symbol,
    adapterHost: HttpAdapterHost,
  ) {
    // In a testing module the adapter is set later; in an application context there is none.
    adapterHost.init$.subscribe(() => this.attach(adapterHost.httpAdapter));
  }

  /** URL without the trailing slash; `undefined` before the routes are registered. */
  get url(): string | undefined {
    return this.findUrl();
  }

  private attach(adapter: AbstractHttpAdapter | null): void {
    if (adapter?.getType() === 'express') {
      const app: Express = adapter.getInstance();
      this.findUrl = () => layerOf(app, this)?.route?.path;
    } else if (adapter?.getType() === 'fastify') {
      this.attachToFastify(adapter.getInstance());
    }
  }

  private attachToFastify(fastify: Fastify): void {
    let url: string | undefined;
    fastify.addHook('onRoute', route => {
      if (route.config?.xenioo !== this.id || route.url.endsWith('/')) return;
      url ??= route.url;
      if (ignoresTrailingSlash(fastify)) return;
      // Fastify adds HEAD to each route of GET.
      if ([route.method].flat().includes('HEAD')) return;
      fastify.route({ ...route, url: `${route.url}/` });
    });
    this.findUrl = () => url;
  }
}
