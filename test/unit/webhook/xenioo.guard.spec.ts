import { Logger, UnauthorizedException } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import type { IncomingMessage } from 'node:http';
import { beforeEach, describe, expect, it } from 'vitest';
import { resolveXeniooOptions } from '../../../lib/resolve-xenioo-options.js';
import { XeniooGate } from '../../../lib/webhook/xenioo.gate.js';
import { XeniooGuard } from '../../../lib/webhook/xenioo.guard.js';
import { call } from '../../support/call.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { serve } from '../../support/serve.js';

beforeEach(() => Logger.overrideLogger(new LogRecorder()));

const HOSTS = {
  Express: (request: IncomingMessage): object => request,
  Fastify: (request: IncomingMessage): object => ({ raw: request }),
};

/** Asks the guard about one call, before the gate was asked and after. */
async function asked(host: keyof typeof HOSTS, authorization: string) {
  const gate = new XeniooGate(
    resolveXeniooOptions({ secret: 'right-secret' }),
    { id: Symbol('route') },
    new HttpAdapterHost(),
  );
  const guard = new XeniooGuard(gate);
  const verdicts: unknown[] = [];
  const { url } = await serve((request, response) => {
    const context = new ExecutionContextHost([HOSTS[host](request)]);
    const ask = () => {
      try {
        verdicts.push(guard.canActivate(context));
      } catch (error) {
        verdicts.push(error);
      }
    };
    ask();
    void gate.admit(request, response).then(() => {
      ask();
      response.end();
    });
  });
  await call(url, { Type: 8 }, { authorization });
  return verdicts;
}

describe.each(['Express', 'Fastify'] as const)('on %s', host => {
  it('a call passes that came through the gate, and not before', async () => {
    expect(await asked(host, 'Bearer right-secret')).toEqual([
      expect.any(UnauthorizedException),
      true,
    ]);
  });

  it('a call with another secret does not pass', async () => {
    expect(await asked(host, 'Bearer another')).toEqual([
      expect.any(UnauthorizedException),
      expect.any(UnauthorizedException),
    ]);
  });
});
