import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { RightGates } from './right-gates.ts';

function setUp() {
  const clock = new ManualClock();
  const released: string[] = [];
  const gates = new RightGates({ clock, random: () => 0, release: (key) => released.push(key), onChange: () => {} });
  return { clock, gates, released, missing: () => [...gates.missing()].toSorted() };
}

describe('rights by namespace', () => {
  test('a namespace without the right holds back its own objects and nobody else', () => {
    const { gates, missing } = setUp();
    gates.open('a/x');
    gates.close('b/x');
    gates.wait('b/y');
    expect(['a/y', 'b/x', 'b/y', 'c/x'].map((key) => gates.admits(key))).toEqual([true, false, false, true]);
    expect([missing(), gates.isThereSomewhere]).toEqual([['b'], true]);
  });

  test('cluster-scoped objects have one gate', () => {
    const { gates, missing } = setUp();
    gates.close('x');
    expect([gates.admits('y'), missing()]).toEqual([false, ['']]);
  });

  test('once the right is found in one namespace the others look one after another, at once, until one is refused', async () => {
    const { clock, gates, released, missing } = setUp();
    for (const key of ['a/x', 'b/x', 'c/x', 'd/x']) gates.close(key);
    gates.wait('a/y');
    await clock.advance(1_000);
    // All four had their time; a is let in, b, c and d are refused.
    expect(released.splice(0)).toEqual(['a/x', 'b/x', 'c/x', 'd/x']);
    for (const key of ['b/x', 'c/x', 'd/x']) gates.close(key);
    gates.open('a/x');
    expect(released.splice(0)).toEqual(['a/y', 'b/x']);
    gates.open('b/x');
    expect(released.splice(0)).toEqual(['c/x']);
    gates.close('c/x');
    expect(released).toEqual([]);
    expect(missing()).toEqual(['c', 'd']);
  });

  test('where many lack it and none is known to have it, further namespaces wait their turn instead of asking all at once', async () => {
    const { clock, gates, released, missing } = setUp();
    const names = Array.from({ length: 8 }, (_, i) => `n${i}/x`);
    for (const key of names) gates.close(key);
    expect(gates.admits('new/x')).toBe(false);
    gates.wait('new/x');
    gates.wait('new/y');
    expect(missing()).toContain('new');
    await clock.advance(1_000);
    expect(released.filter((key) => key.startsWith('new'))).toEqual(['new/x']);
    gates.open('new/x');
    expect(gates.admits('another/x')).toBe(true);
  });

  test('very many namespaces together ask as often as 64 would', async () => {
    const { clock, gates, released } = setUp();
    for (let i = 0; i < 640; i++) gates.close(`n${i}/x`);
    for (let minute = 0; minute < 60; minute++) {
      await clock.advance(60_000);
      for (const key of released.splice(0)) gates.close(key);
    }
    let tries = 0;
    for (let minute = 0; minute < 30; minute++) {
      await clock.advance(60_000);
      tries += released.length;
      for (const key of released.splice(0)) gates.close(key);
    }
    // 64 that try every half minute would be 3,840 in half an hour.
    expect(tries).toBeGreaterThan(640);
    expect(tries).toBeLessThan(4_000);
  });

  test('a right that is taken away is missing there', () => {
    const { gates, missing } = setUp();
    gates.open('a/x');
    gates.close('a/x');
    expect([missing(), gates.isThereSomewhere]).toEqual([['a'], false]);
  });

  test('a namespace in which no object needs a write any more is not missed', () => {
    const { clock, gates, missing } = setUp();
    gates.close('a/x');
    gates.settled('a/x');
    expect([missing(), clock.pending]).toEqual([[], 0]);
  });

  test('stop leaves no timer', () => {
    const { clock, gates } = setUp();
    gates.close('a/x');
    gates.close('b/x');
    gates.stop();
    expect(clock.pending).toBe(0);
  });
});
