import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { eventsSchema } from '../../lib/events/events-schema.js';

const require = createRequire(import.meta.url);

it('nestjs-xenioo/schema/events.schema.json is the schema of the event classes', () => {
  expect(require('nestjs-xenioo/schema/events.schema.json')).toEqual(
    eventsSchema(),
  );
});

it('nestjs-xenioo/schema/events.schema.json can be imported', async () => {
  const { default: schema } = await import(
    'nestjs-xenioo/schema/events.schema.json',
    { with: { type: 'json' } }
  );

  expect(schema.$defs.UserMessageEvent.title).toBe('UserMessageEvent');
});
