import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { rawRequest, rawResponse } from '../../../lib/webhook/raw-http.js';

const request = new IncomingMessage(new Socket());
const response = new ServerResponse(request);

describe('on Express', () => {
  it('request and response are those of Node', () => {
    expect(rawRequest(request)).toBe(request);
    expect(rawResponse(response)).toBe(response);
  });
});

describe('on Fastify', () => {
  it('they are held, and Fastify is told to leave the answer', () => {
    let isHijacked = false;
    const reply = { raw: response, hijack: () => void (isHijacked = true) };

    expect(rawRequest({ raw: request })).toBe(request);
    expect(rawResponse(reply)).toBe(response);
    expect(isHijacked).toBe(true);
  });
});
