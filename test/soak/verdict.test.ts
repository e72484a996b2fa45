import { expect, test } from 'vitest';
import type { QuietPoint } from './quiet-point.ts';
import { judge, type Verdict } from './verdict.ts';

const MIB = 2 ** 20;

interface Grown {
  readonly objects?: number;
  readonly code?: number;
  readonly buffers?: number;
  readonly resident?: number;
}

/** A rest every four minutes, at which `grown` is asked for what each replica holds more than at first, in MiB. */
function soaked(
  minutes: number,
  grown: (atMinute: number, leads: boolean) => Grown,
  lifeAt = (_minute: number) => 0,
): Verdict {
  const quietPoints: QuietPoint[] = [];
  for (let minute = 4; minute <= minutes; minute += 4) {
    const replicas = [true, false].map((leads) => {
      const { objects = 0, code = 0, buffers = 0, resident = 0 } = grown(minute, leads);
      return {
        name: leads ? 'a' : 'b',
        life: lifeAt(minute),
        leads,
        holdings: {
          residentBytes: (110 + resident) * MIB,
          sockets: 8,
          descriptors: 20,
          heap: { objects: (14 + objects) * MIB, code: (5 + code) * MIB, buffers: (5 + buffers) * MIB },
          resources: new Map(),
          watches: 10,
          connections: 3,
          kinds: new Map(),
        },
      };
    });
    quietPoints.push({ atMs: minute * 60_000, replicas, settledAfterMs: 1, wrong: [], lines: [] });
  }
  return judge({ seed: 1, quietPoints, samples: [], changes: new Map(), faults: new Map(), writes: 1 });
}

test('an hour in which nothing grows is as it should be', () => {
  expect(soaked(60, () => ({})).wrong).toEqual([]);
});

test.each<[what: string, grown: Grown, says: string]>([
  ['the heap', { objects: 13 }, 'the heap grew from 14.00 MiB to 27.00 MiB'],
  ['compiled code', { code: 12 }, 'there are 17.00 MiB of compiled code'],
  ['what buffers hold', { buffers: 5 }, 'what buffers hold grew from 5.00 MiB to 10.00 MiB'],
  ['resident memory', { resident: 33 }, 'resident memory grew from 110.00 MiB to 143.00 MiB'],
])('%s that is another at the end is told of, by the replica and its part', (_what, grown, says) => {
  const { wrong } = soaked(12, (minute, leads) => (minute === 12 && leads ? grown : {}));
  expect(wrong).toEqual([`replica a, while it leads: ${says}`]);
});

test('a heap that grows steadily after it is warm is told of, also where that is little in all', () => {
  const { wrong } = soaked(60, (minute, leads) => ({ objects: leads ? 0 : (3 * minute) / 60 }));
  expect(wrong).toEqual(['replica b, while it waits: the heap grows by 3.00 MiB an hour, beyond what goes with code']);
});

test('what grows with compiled code is not held against the heap: code has its own bound', () => {
  expect(soaked(60, (minute) => ({ objects: (3 * minute) / 60, code: (3 * minute) / 60 })).wrong).toEqual([]);
});

test('an hour in which no process lived long enough to say how its heap grows is no good one', () => {
  const { wrong } = soaked(
    60,
    () => ({}),
    (minute) => Math.floor(minute / 16),
  );
  expect(wrong).toEqual([
    'too few rests to say how the heap of a replica that leads grows',
    'too few rests to say how the heap of a replica that waits grows',
  ]);
});

test('a soak that is too short to say how the heap grows does not say it', () => {
  const { wrong, rows } = soaked(
    40,
    (minute) => ({ objects: (3 * minute) / 60 }),
    (minute) => Math.floor(minute / 16),
  );
  expect(wrong).toEqual([]);
  expect(rows.filter(([what]) => what.includes('growth'))).toEqual([]);
});
