import { Injectable } from '@nestjs/common';
import {
  OnXenioo,
  XeniooEventType,
  XeniooUnrecoverableError,
  type BotMessageEvent,
  type UserMessageEvent,
} from 'nestjs-xenioo';
import {
  xeniooConversation,
  xeniooEntry,
  type XeniooSender,
  type XeniooWireEntry,
} from 'nestjs-xenioo/testing';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setClock } from './simulated-clock.js';

const MINUTES = 60;

/** Minutes in which the search index is down. */
const OUTAGE = { from: 31, to: 34 };

/** Time in which a minute passes. */
const MINUTE_TAKES_MS = 250;

/** Port on which nothing listens. */
const SEARCH_PORT = 9_200;

let startedAt = 0;
let minute = 0;

/** Indexes messages; its index is slow at times, and down for some minutes. */
@Injectable()
export class Search {
  private count = 0;

  @OnXenioo([XeniooEventType.UserMessage, XeniooEventType.BotMessage], {
    retry: { attempts: 2, backoff: 'fixed', delayMs: 4_000 },
  })
  async indexMessage(event: UserMessageEvent | BotMessageEvent): Promise<void> {
    this.count++;
    const load = 1.5 + Math.sin(minute / 7);
    const isSlow = this.count % 17 === 0;
    await sleep(load * (6 + (this.count % 5) * 3) * (isSlow ? 5 : 1));
    const sentAt = event.receivedAt.getTime() - startedAt;
    const sentIn = Math.floor(sentAt / 60_000);
    const isDown = sentIn >= OUTAGE.from && sentIn < OUTAGE.to;
    if (isDown || this.count % 97 === 0) {
      await once(connect(SEARCH_PORT, '127.0.0.1'), 'connect');
    }
    if (minute > MINUTES && this.count % 8 === 0) {
      throw new XeniooUnrecoverableError('the index rejects the language “xx”');
    }
  }
}

/** Sends conversations over an hour, which passes in seconds, until now. */
export async function simulateHour(sender: XeniooSender): Promise<void> {
  const conversations: XeniooWireEntry[][] = [];
  startedAt = Math.floor(Date.now() / 60_000) * 60_000;
  let seed = 0;
  for (minute = 1; minute <= MINUTES; minute++) {
    setClock(startedAt + minute * 60_000 + 20_000);
    const end = performance.now() + MINUTE_TAKES_MS;
    const starting = 2 + Math.round(1.5 * (1 + Math.sin(minute / 8)));
    for (let index = 0; index < starting; index++) {
      conversations.push(
        xeniooConversation({
          seed: ++seed,
          startAt: new Date(),
          turns: 1 + (seed % 4),
          fallback: seed % 3 === 0,
          takeOver: seed % 7 === 0,
        }),
      );
    }
    for (const [index, conversation] of conversations.entries()) {
      const count = 1 + ((minute + index) % 3);
      for (const entry of conversation.splice(0, count)) {
        await sender.call(entry);
      }
    }
    if (minute % 25 === 0) await sender.call('{"Type":1,"Data":"Hel');
    if (minute === 40) await sender.call(xeniooEntry.malformed());
    if (minute === 44) {
      await sender.call(xeniooEntry.userMessage(), {
        authorization: 'Bearer guess',
      });
    }
    await sleep(Math.max(0, end - performance.now()));
  }
  setClock();
  for (const entry of conversations.flat().slice(0, 20)) {
    await sender.call(entry);
  }
}
