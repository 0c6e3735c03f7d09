import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { XeniooCall } from '../../../lib/webhook/xenioo.call.js';
import type { XeniooGate } from '../../../lib/webhook/xenioo.gate.js';
import { XeniooGuard } from '../../../lib/webhook/xenioo.guard.js';

const CALL = {} as XeniooCall;

const request = new IncomingMessage(new Socket());
const response = new ServerResponse(request);
const reply = { raw: response, hijack() {} };

describe.each([
  ['Express', [request, response]],
  ['Fastify', [{ raw: request, body: {} }, reply]],
])('on %s', (_host, [hostRequest, hostReply]) => {
  /** What the guard says, and what it asked the gate to admit. */
  async function asked(gate: { isAdmitted: boolean; admits?: boolean }) {
    const admitted: unknown[][] = [];
    const stub: Pick<XeniooGate, 'callOf' | 'admit'> = {
      callOf: raw => (gate.isAdmitted && raw === request ? CALL : undefined),
      admit: async (...values) => {
        admitted.push(values);
        return gate.admits ?? false;
      },
    };
    const guard = new XeniooGuard(stub as XeniooGate);
    const context = new ExecutionContextHost([hostRequest, hostReply]);
    return { passes: await guard.canActivate(context), admitted };
  }

  it('a call passes that came through the gate, and is not judged again', async () => {
    expect(await asked({ isAdmitted: true })).toEqual({
      passes: true,
      admitted: [],
    });
  });

  it.each([true, false])(
    'another is judged now, with what the host made of it: %o',
    async admits => {
      const { passes, admitted } = await asked({ isAdmitted: false, admits });

      expect(passes).toBe(admits);
      expect(admitted).toHaveLength(1);
      expect(admitted[0]![0]).toBe(request);
      expect(admitted[0]![1]).toBe(response);
      expect(admitted[0]![2]).toBe(hostRequest);
    },
  );
});
