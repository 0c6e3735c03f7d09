import { ParseArrayPipe, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { parseBody, parseInSteps } from '../../../lib/events/parse-body.js';
import type { XeniooEntry } from '../../../lib/events/parse-entry.js';
import type { XeniooReceipt } from '../../../lib/events/xenioo.receipt.js';
import { XeniooDispatcher } from '../../../lib/handlers/xenioo.dispatcher.js';
import { XeniooInbox } from '../../../lib/inbox/xenioo.inbox.js';
import { runInTurns } from '../../../lib/webhook/run-in-turns.js';
import {
  createKeyring,
  verifyBearer,
} from '../../../lib/webhook/verify-bearer.js';
import { XeniooEventDto } from '../../../sample/05-by-hand/src/xenioo-event.dto.js';
import { STRICT } from '../apps/by-hand.app.js';
import { Body, SECRET } from '../bodies.js';
import { stageModule } from './stage.module.js';
import { WALK, WALK_WITHOUT_DEDUPE } from './walk.js';

/** A part of the walk of a call: what is done before it, and what is measured. */
export interface Stage<Given = unknown> {
  readonly name: string;
  prepare(): Given;
  run(given: Given): unknown;
}

const BOT = { name: 'default', secrets: [SECRET] };
const KEYRING = createKeyring([BOT]);
const AUTHORIZATION = `Bearer ${SECRET}`;

function stage<Given>(
  name: string,
  prepare: () => Given,
  run: (given: Given) => unknown,
): Stage {
  return { name, prepare, run };
}

/** The parts of the walk of a call that brings so many events. */
export async function createStages(events: number): Promise<Stage[]> {
  const body = new Body(events);
  const text = () => body.renewedText();
  const json = () => JSON.parse(text()) as unknown;
  const entries = () => parse(text());
  const app = await openApp({});
  const withoutDedupe = await openApp({ dedupe: false });
  return [
    stage('verify the secret', () => AUTHORIZATION, verify),
    stage('`JSON.parse`', text, text => JSON.parse(text)),
    stage('`parseBody`: the same, validation, ids', text, parse),
    stage('`parseBody`, ids when they are read', text, parseWithoutIds),
    stage('accept + dispatch', entries, accept(app)),
    stage('accept + dispatch, `dedupe: false`', entries, accept(withoutDedupe)),
    stage('dispatch alone', entries, dispatch(app)),
    stage(WALK, text, walk(app, false)),
    stage(WALK_WITHOUT_DEDUPE, text, walk(withoutDedupe, true)),
    stage('hand-written: `ParseArrayPipe` alone', json, events =>
      BY_HAND.transform(events, { type: 'body' }),
    ),
  ];
}

const BY_HAND = new ParseArrayPipe({ ...STRICT, items: XeniooEventDto });

const apps: INestApplicationContext[] = [];

async function openApp(options: {
  dedupe?: false;
}): Promise<INestApplicationContext> {
  const module = stageModule(options);
  const app = await NestFactory.createApplicationContext(module, {
    logger: ['error'],
  });
  apps.push(app);
  return app;
}

export async function closeApps(): Promise<void> {
  for (const app of apps) await app.close();
}

function verify(authorization: string): void {
  if (!verifyBearer(authorization, KEYRING).bot) throw new Error('refused');
}

function parse(text: string): XeniooEntry[] {
  return parseBody(text, receipt(false));
}

function parseWithoutIds(text: string): XeniooEntry[] {
  return parseBody(text, receipt(true));
}

function receipt(hasLazyIds: boolean): XeniooReceipt {
  return { bot: BOT, receivedAt: new Date(), hasLazyIds };
}

/** It resolves when every handler has run. */
function accept(app: INestApplicationContext) {
  const inbox = app.get(XeniooInbox, { strict: false });
  return (entries: readonly XeniooEntry[]) => inbox.accept({ entries });
}

function dispatch(app: INestApplicationContext) {
  const dispatcher = app.get(XeniooDispatcher, { strict: false });
  return async (entries: readonly XeniooEntry[]) => {
    for (const entry of entries) await dispatcher.dispatch(entry);
  };
}

function walk(app: INestApplicationContext, hasLazyIds: boolean) {
  const acceptAll = accept(app);
  return async (text: string) => {
    verify(AUTHORIZATION);
    const steps = parseInSteps(text, receipt(hasLazyIds));
    await acceptAll(await runInTurns(steps));
  };
}
