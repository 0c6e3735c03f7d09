import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { hideBody } from '../../../lib/webhook/hide-body.js';
import { senderAt } from '../../support/sender-at.js';
import { serve } from '../../support/serve.js';

/** A request whose body was read and hidden, in the hands of `use`. */
async function hidden<T>(use: (request: IncomingMessage) => Promise<T> | T) {
  let used!: T;
  const { url } = await serve(async (request, response) => {
    await once(request.resume(), 'end');
    hideBody(request);
    used = await use(request);
    response.end();
  });
  await senderAt(url).call({ Type: 1 });
  return used;
}

describe('a body that is hidden', () => {
  it('is announced by no header', async () => {
    const headers = await hidden(request => Object.keys(request.headers));

    expect(headers).toContain('authorization');
    for (const header of [
      'content-type',
      'content-length',
      'content-encoding',
    ]) {
      expect(headers).not.toContain(header);
    }
  });

  it('hides no other header', async () => {
    const [before, after] = await hidden(request => [
      request.rawHeaders.filter((_, index) => index % 2 === 0),
      request.headers,
    ]);

    for (const header of before.map(name => name.toLowerCase())) {
      if (header.startsWith('content-')) continue;
      if (header === 'transfer-encoding') continue;
      expect(after).toHaveProperty(header);
    }
    expect(after.authorization).toBe('Bearer right-secret');
  });

  it('is there for parsers as one that was read', async () => {
    const request = (await hidden(each => each)) as unknown as {
      body: unknown;
      _body: unknown;
    };

    expect(request.body).toEqual({});
    expect(request._body).toBe(true);
  });

  it('ends once for each who waits for its end, though it came before', async () => {
    const heard = await hidden(async request => {
      const ends: string[] = [];
      await new Promise<void>(resolve =>
        request.on('end', () => resolve(void ends.push('first'))),
      );
      await new Promise<void>(resolve =>
        request.once('end', () => resolve(void ends.push('second'))),
      );
      await new Promise(setImmediate);
      return ends;
    });

    expect(heard).toEqual(['first', 'second']);
  });

  it('is empty for who reads the stream', async () => {
    const chunks = await hidden(async request => {
      const read: unknown[] = [];
      for await (const chunk of request) read.push(chunk);
      return read;
    });

    expect(chunks).toEqual([]);
  });
});
