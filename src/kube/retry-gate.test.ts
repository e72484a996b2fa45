import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { RetryGate } from './retry-gate.ts';

describe('the gate for writes', () => {
  test('is open until somebody closes it', () => {
    expect(new RetryGate(new ManualClock()).wait()).toBeUndefined();
  });

  test('opens for all at once when the time is over, and leaves no timer', async () => {
    const clock = new ManualClock();
    const gate = new RetryGate(clock);
    gate.close(2000);
    let passed = 0;
    for (let i = 0; i < 3; i += 1) void gate.wait()?.then(() => (passed += 1));
    await clock.advance(1999);
    expect(passed).toBe(0);
    await clock.advance(1);
    expect(passed).toBe(3);
    expect(gate.wait()).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  test('stays closed for longer when asked again, never for less', async () => {
    const clock = new ManualClock();
    const gate = new RetryGate(clock);
    gate.close(2000);
    let open = false;
    void gate.wait()?.then(() => (open = true));
    await clock.advance(1000);
    gate.close(3000);
    gate.close(1);
    await clock.advance(2999);
    expect(open).toBe(false);
    await clock.advance(1);
    expect(open).toBe(true);
  });

  test('does not believe in hours', async () => {
    const clock = new ManualClock();
    const gate = new RetryGate(clock);
    gate.close(3_600_000);
    await clock.advance(60_000);
    expect(gate.wait()).toBeUndefined();
  });

  test('lets everybody through when it is stopped', async () => {
    const clock = new ManualClock();
    const gate = new RetryGate(clock);
    gate.close(2000);
    const waiting = gate.wait();
    gate.stop();
    await waiting;
    gate.close(2000);
    expect([gate.wait(), clock.pending]).toEqual([undefined, 0]);
  });

  test('opens also where it is looked at in the moment in which its time is over', async () => {
    const clock = new ManualClock();
    let looks = 0;
    // Time that passes between two looks at the clock, as it does.
    const passing = { monotonic: () => clock.monotonic() + (looks += 1), after: clock.after.bind(clock) };
    for (let ms = 1; ms <= 5; ms += 1) {
      const gate = new RetryGate(passing);
      gate.close(ms);
      for (let look = 0; look < 5; look += 1) void gate.wait();
      await clock.advance(1_000);
      expect(gate.wait()).toBeUndefined();
    }
    expect(clock.pending).toBe(0);
  });
});
