import { expect, it } from 'vitest';
import { NOTHING_DONE, onlyOf } from '../../../lib/handlers/xenioo.dispatch.js';

it('nothing is done of an entry that was never dispatched', () => {
  expect(NOTHING_DONE).toEqual({ attempted: false, done: [], failed: [] });
});

it('some handlers alone are due at once and from anew, and no other', () => {
  expect(onlyOf(['Crm.save', 'Desk.notify'])).toEqual({
    attempted: true,
    done: [],
    failed: [
      { handler: 'Crm.save', attempts: 0, retryAt: 0 },
      { handler: 'Desk.notify', attempts: 0, retryAt: 0 },
    ],
  });
});
