import { expect, test } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import type { WrittenKey } from '../../write/write-report.ts';
import { WriteDigest, type WriteSummary } from './write-digest.ts';

const label = (key: string, displaced = false): WrittenKey => ({ channel: 'labels', key, displaced });
const annotation = (key: string): WrittenKey => ({ channel: 'annotations', key, displaced: false });

function setUp() {
  const clock = new ManualClock();
  const told: WriteSummary[] = [];
  return { clock, told, digest: new WriteDigest(clock, (summary) => told.push(summary)) };
}

test('a batch of writes is told of once, when it has come to rest', async () => {
  const { clock, told, digest } = setUp();
  for (let i = 0; i < 4_812; i++) digest.add(`u${i}`, [label('team'), label('env')], []);
  await clock.advance(2_999);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual([{ written: 'labelled 4,812 objects', removed: '', tookOver: '', writes: 4_812 }]);
  expect(clock.pending).toBe(0);
  digest.add('u1', [annotation('a')], [label('b')]);
  digest.add('u2', [], [label('b')]);
  digest.flush();
  digest.flush();
  expect(told.slice(1)).toEqual([
    { written: 'annotated 1 object', removed: 'removed keys from 2 objects', tookOver: '', writes: 2 },
  ]);
  expect(clock.pending).toBe(0);
});

test('writes that never rest are told of every minute', async () => {
  const { clock, told, digest } = setUp();
  for (let i = 0; i < 125; i++) {
    digest.add(`u${i}`, [label('team'), annotation('a')], []);
    await clock.advance(1_000);
  }
  expect(told.map(({ writes }) => writes)).toEqual([60, 60]);
  expect(told[0]?.written).toBe('labelled and annotated 60 objects');
});

test('what is taken over names the first keys', () => {
  const { told, digest } = setUp();
  digest.add('u1', [label('a', true), label('b')], []);
  digest.add('u2', [label('a', true)], []);
  digest.flush();
  expect(told[0]?.tookOver).toBe("took over label 'a' on 2 objects, where somebody else had set another value");
  for (let i = 0; i < 9; i++) digest.add(`u${i}`, [label(`k${i}`, true)], []);
  digest.flush();
  expect(told[1]?.tookOver).toContain("label 'k3', label 'k4' and others on 9 objects");
});

test('an object that is written several times counts once', () => {
  const { told, digest } = setUp();
  for (let i = 0; i < 4; i++) digest.add('u1', [label('a', true)], [label('b')]);
  digest.add('u2', [label('a', true)], []);
  digest.flush();
  expect(told).toEqual([
    {
      written: 'labelled 2 objects',
      removed: 'removed keys from 1 object',
      tookOver: "took over label 'a' on 2 objects, where somebody else had set another value",
      writes: 5,
    },
  ]);
});
