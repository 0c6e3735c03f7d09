import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Room } from '../../../lib/inbox/room.js';

const LONG = 60_000;

describe('a room', () => {
  it('lets a group of any size in while fewer are inside', async () => {
    const room = new Room(2);

    expect(await room.enter(1, 0)).toBe(true);
    expect(await room.enter(100, 0)).toBe(true);
    expect(await room.enter(1, 0)).toBe(false);
    expect(room.taken).toBe(101);
  });

  it('lets those wait who find no room, and enter in their order', async () => {
    const room = new Room(1);
    const entered: string[] = [];
    await room.enter(1, 0);
    const waiting = ['first', 'second', 'third'].map(name =>
      room.enter(1, LONG).then(() => entered.push(name)),
    );

    room.leave();
    await waiting[0];
    expect(entered).toEqual(['first']);
    room.leave();
    room.leave();
    await Promise.all(waiting);

    expect(entered).toEqual(['first', 'second', 'third']);
    expect(room.taken).toBe(1);
  });

  it('turns away who waited too long, and holds nothing of it', async () => {
    const room = new Room(1);
    await room.enter(1, 0);

    expect(await room.enter(5, 10)).toBe(false);

    room.leave();
    expect(room.taken).toBe(0);
    expect(await room.enter(1, 0)).toBe(true);
  });

  it('has room for nobody at any time', async () => {
    const room = new Room(1);
    await room.enter(1, 0);

    expect(await room.enter(0, 0)).toBe(true);
    expect(room.taken).toBe(1);
  });

  it('turns all away once closed, those too who wait', async () => {
    const room = new Room(1);
    await room.enter(1, 0);
    const waiting = room.enter(1, LONG);

    room.close();

    expect(await waiting).toBe(false);
    expect(await room.enter(1, LONG)).toBe(false);
    expect(room.isClosed).toBe(true);
    expect(room.taken).toBe(1);
  });

  it('tells when it is empty', async () => {
    const room = new Room(5);
    await room.empty();
    await room.enter(2, 0);
    let isEmpty = false;
    const empty = room.empty().then(() => (isEmpty = true));

    room.leave();
    await Promise.resolve();
    expect(isEmpty).toBe(false);
    room.leave();
    await empty;
  });

  it('lets in who was in before, though there is no room', async () => {
    const room = new Room(1);
    await room.enter(1, 0);

    room.add(3);

    expect(room.taken).toBe(4);
    expect(await room.enter(1, 0)).toBe(false);
    for (let n = 0; n < 4; n++) room.leave();
    await room.empty();
  });

  it('counts right, whatever comes and goes', async () => {
    const steps = fc.array(
      fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant('leave' as const)),
      { maxLength: 50 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        steps,
        async (size, all) => {
          const room = new Room(size);
          const groups: Promise<number>[] = [];
          for (const step of all) {
            if (step !== 'leave') {
              groups.push(
                room.enter(step, LONG).then(isIn => (isIn ? step : 0)),
              );
            } else if (room.taken > 0) {
              room.leave();
            }
          }
          let left = 0;
          for (let turn = 0; turn < 300; turn++) {
            await Promise.resolve();
            if (room.taken > 0) {
              room.leave();
              left++;
            }
          }
          room.close();
          const entered = await Promise.all(groups);
          const came = entered.reduce((sum, count) => sum + count, 0);
          const leftBefore = came - left;
          expect(room.taken).toBe(0);
          expect(leftBefore).toBeGreaterThanOrEqual(0);
          expect(leftBefore).toBeLessThanOrEqual(
            all.filter(step => step === 'leave').length,
          );
          expect(came).toBe(
            all.reduce<number>(
              (sum, step) => sum + (step === 'leave' ? 0 : step),
              0,
            ),
          );
        },
      ),
      { numRuns: 200 },
    );
  });
});
