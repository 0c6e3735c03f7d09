import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  attachExchange,
  type WebhookExchange,
} from '../../../lib/webhook/webhook.exchange.js';
import {
  XeniooGuard,
  type XeniooGate,
} from '../../../lib/webhook/xenioo.gate.js';

const EXCHANGE = {} as WebhookExchange;

describe.each(['Express', 'Fastify'])('XeniooGuard on %s', host => {
  /** Runs the guard, and returns its result and the calls of the gate. */
  async function runGuard(gate: { hasExchange: boolean; mayPass?: boolean }) {
    const request = new IncomingMessage(new Socket());
    const response = new ServerResponse(request);
    const hostRequest =
      host === 'Express' ? request : { raw: request, body: {} };
    const reply = { raw: response, hijack() {} };
    const id = Symbol('xenioo/webhook');
    if (gate.hasExchange) attachExchange(request, id, EXCHANGE);
    const authenticated: unknown[][] = [];
    const stub = {
      route: { id },
      authenticateAndRead: async (...values: unknown[]) => {
        authenticated.push(values);
        return gate.mayPass ?? false;
      },
    };
    const guard = new XeniooGuard(stub as unknown as XeniooGate);
    const context = new ExecutionContextHost([
      hostRequest,
      host === 'Express' ? response : reply,
    ]);
    const passes = await guard.canActivate(context);
    return { passes, authenticated, request, response, hostRequest };
  }

  it('passes a call that the gate has authenticated', async () => {
    expect(await runGuard({ hasExchange: true })).toMatchObject({
      passes: true,
      authenticated: [],
    });
  });

  it.each([true, false])(
    'has the gate authenticate any other call and returns its answer: %o',
    async mayPass => {
      const { passes, authenticated, ...call } = await runGuard({
        hasExchange: false,
        mayPass,
      });

      expect(passes).toBe(mayPass);
      expect(authenticated).toHaveLength(1);
      expect(authenticated[0]![0]).toBe(call.request);
      expect(authenticated[0]![1]).toBe(call.response);
      expect(authenticated[0]![2]).toBe(call.hostRequest);
    },
  );
});
