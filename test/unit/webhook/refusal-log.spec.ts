import { describe, expect, it } from 'vitest';
import { RefusalLog } from '../../../lib/webhook/refusal-log.js';

function startLog() {
  const lines: string[] = [];
  const clock = { now: 5_000 };
  const log = new RefusalLog(
    line => lines.push(line),
    () => clock.now,
  );
  return { log, lines, clock };
}

describe('RefusalLog', () => {
  it.each([
    ['missing', 'it has no Authorization header'],
    [
      'another-scheme',
      'its Authorization header has a scheme other than Bearer',
    ],
    ['unknown-secret', 'its secret is not configured'],
    [
      'white-space',
      'its secret differs from a configured one only in white space',
    ],
  ] as const)('logs %s with the address of the caller', (refusal, words) => {
    const { log, lines } = startLog();
    log.log(refusal, '203.0.113.7');

    expect(lines).toEqual([
      `Answered 401 to a call from 203.0.113.7: ${words}`,
    ]);
  });

  it('logs a refusal whose socket has closed', () => {
    const { log, lines } = startLog();
    log.log('missing', undefined);

    expect(lines[0]).toContain('from an unknown address:');
  });
});

describe('RefusalLog with many refusals', () => {
  it('logs one line a minute for each kind', () => {
    const { log, lines, clock } = startLog();
    for (let second = 0; second < 60; second++) {
      log.log('missing', '203.0.113.7');
      clock.now += 1_000;
    }
    expect(lines).toHaveLength(1);

    log.log('missing', '203.0.113.8');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(
      /from 203\.0\.113\.8: .* \(59 more calls since the last such line\)$/,
    );
  });

  it('logs different kinds separately', () => {
    const { log, lines } = startLog();
    for (let round = 0; round < 3; round++) {
      log.log('missing', '203.0.113.7');
      log.log('unknown-secret', '203.0.113.7');
    }

    expect(lines).toHaveLength(2);
  });

  it('restarts its count after each line', () => {
    const { log, lines, clock } = startLog();
    log.log('missing');
    log.log('missing');
    clock.now += 60_000;
    log.log('missing');
    clock.now += 60_000;
    log.log('missing');

    expect(lines).toHaveLength(3);
    expect(lines[1]).toContain('(1 more call since the last such line)');
    expect(lines[2]).not.toContain('more call');
  });

  it('shares no state with another log', () => {
    const [one, other] = [startLog(), startLog()];
    one.log.log('missing');
    other.log.log('missing');

    expect(other.lines).toHaveLength(1);
  });
});
