import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { WriteGate } from './write-gate.ts';

const RIGHT = { cause: 'MissingRight', message: 'grant it' } as const;

function setUp() {
  const clock = new ManualClock();
  const released: string[] = [];
  const reasons: (string | undefined)[] = [];
  const gate = new WriteGate({
    clock,
    random: () => 0,
    release: (key) => released.push(key),
    onChange: (reason) => reasons.push(reason?.message),
  });
  return { clock, gate, released, reasons };
}

describe('an open gate', () => {
  test('admits everybody and knows of nobody who waits', () => {
    const { clock, gate, released, reasons } = setUp();
    expect(gate.admits('a')).toBe(true);
    gate.wait('a');
    gate.settled('a');
    gate.open();
    expect([released, reasons, clock.pending]).toEqual([[], [], 0]);
  });
});

describe('a closed gate', () => {
  test('admits nobody until its time, then one', async () => {
    const { clock, gate, released } = setUp();
    gate.close('a', RIGHT);
    gate.wait('b');
    expect([gate.admits('a'), gate.admits('b')]).toEqual([false, false]);
    await clock.advance(999);
    expect(released).toEqual([]);
    await clock.advance(1);
    expect(released).toEqual(['a']);
    expect([gate.admits('a'), gate.admits('b')]).toEqual([true, false]);
    expect(clock.pending).toBe(0);
  });

  test('those that wait try in turn, at growing intervals up to 30 s', async () => {
    const { clock, gate, released } = setUp();
    gate.close('a', RIGHT);
    gate.wait('b');
    gate.wait('c');
    const gaps: number[] = [];
    for (let i = 0; i < 8; i++) {
      gaps.push(await clock.advanceToNext());
      gate.close(released.at(-1) ?? '', RIGHT);
    }
    expect(gaps).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(released.join('')).toBe('abcabcab');
  });

  test('writes that were under way and fail too wait with the others and change nothing', async () => {
    const { clock, gate, reasons } = setUp();
    gate.close('a', RIGHT);
    gate.close('b', RIGHT);
    gate.close('c', { ...RIGHT, message: 'grant it, I say' });
    expect(clock.pending).toBe(1);
    expect(reasons).toEqual(['grant it']);
    await clock.advance(1_000);
    gate.close('b', RIGHT);
    expect(clock.pending).toBe(0);
  });

  test('tells when the reason is another one, and not when it is the same', async () => {
    const { clock, gate, reasons } = setUp();
    gate.close('a', RIGHT);
    await clock.advance(1_000);
    gate.close('a', RIGHT);
    await clock.advance(2_000);
    gate.close('a', { cause: 'LedgerUnavailable', message: 'no ledger' });
    expect(reasons).toEqual(['grant it', 'no ledger']);
  });

  test('lets all go on once it opens, those that waited and the one that tried', async () => {
    const { clock, gate, released, reasons } = setUp();
    gate.close('a', RIGHT);
    gate.wait('b');
    gate.wait('c');
    await clock.advance(1_000);
    gate.open();
    expect(released).toEqual(['a', 'b', 'c']);
    expect(reasons).toEqual(['grant it', undefined]);
    expect(gate.admits('c')).toBe(true);
    await clock.advance(100_000);
    expect(released).toHaveLength(3);
  });

  test('begins at one second again when it closes anew', async () => {
    const { clock, gate } = setUp();
    gate.close('a', RIGHT);
    await clock.advance(1_000);
    gate.close('a', RIGHT);
    gate.open();
    expect(clock.pending).toBe(0);
    gate.close('a', RIGHT);
    expect(clock.nextIn).toBe(1_000);
  });
});

describe('objects that need no write any more', () => {
  test('when it was the one that tries, the next tries at once', async () => {
    const { clock, gate, released } = setUp();
    gate.close('a', RIGHT);
    gate.wait('b');
    await clock.advance(1_000);
    gate.settled('a');
    expect(released).toEqual(['a', 'b']);
    expect(gate.admits('b')).toBe(true);
  });

  test('when nobody is left the gate opens: no right is missed', async () => {
    const { clock, gate, reasons } = setUp();
    gate.close('a', RIGHT);
    gate.wait('b');
    gate.settled('a');
    expect(reasons).toEqual(['grant it']);
    gate.settled('b');
    expect(reasons).toEqual(['grant it', undefined]);
    expect(clock.pending).toBe(0);
  });

  test('one that does not wait changes nothing while another tries', async () => {
    const { clock, gate, reasons } = setUp();
    gate.close('a', RIGHT);
    await clock.advance(1_000);
    gate.settled('z');
    expect(reasons).toEqual(['grant it']);
    gate.settled('a');
    expect(reasons).toEqual(['grant it', undefined]);
  });
});

test('stop leaves no timer and tells nothing', async () => {
  const { clock, gate, released, reasons } = setUp();
  gate.close('a', RIGHT);
  gate.stop();
  expect(clock.pending).toBe(0);
  await clock.advance(60_000);
  expect([released, reasons]).toEqual([[], ['grant it']]);
});
