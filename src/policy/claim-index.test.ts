import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { evaluated, programOf } from '../../test/support/compiled-policy.ts';
import { ClaimIndex } from './claim-index.ts';
import type { Claim } from './intent.ts';
import { KeyPatterns } from './key-patterns.ts';
import type { Rule } from './program.ts';

const PROGRAM = programOf('p', { rules: [{ name: 'r', remove: { labels: ['a'] } }] });
const RULE: Rule = { name: 'r', severity: 'low', message: undefined, writes: [], judgements: [] };

type Side = 'labels' | 'annotations';

/** `asked` hears of each question whether a key fits. */
function claim(place: number, channel: Side, patterns: readonly string[], isFree = true, asked = () => {}): Claim {
  const keys = new KeyPatterns({ labels: [], annotations: [], [channel]: patterns });
  const fits = (key: string) => {
    asked();
    return isFree && keys.fits(channel, key);
  };
  return { place, program: PROGRAM, rule: RULE, channel, kind: 'Remove', keys, fits };
}

describe('the first of many claims on a key', () => {
  test('is the one that is found when all are asked', () => {
    const pattern = fc.constantFrom(
      'a',
      'ab',
      'x/a',
      '*',
      '**',
      'a*',
      '*a',
      'a*b',
      'x/*',
      'x/*b',
      '*/a',
      '**a',
      '*a*',
      'a*b*',
      'x/* !x/a',
      '* !b',
    );
    const channel = fc.constantFrom<Side>('labels', 'annotations');
    const claims = fc.array(fc.tuple(channel, fc.array(pattern, { minLength: 1, maxLength: 3 }), fc.boolean()), {
      maxLength: 8,
    });
    const key = fc.string({ unit: fc.constantFrom('a', 'b', 'x', '/'), maxLength: 5 });
    fc.assert(
      fc.property(claims, fc.array(fc.tuple(channel, key), { minLength: 1, maxLength: 8 }), (all, keys) => {
        const made = all.map(([side, patterns, isFree], place) => claim(place, side, patterns, isFree));
        const index = new ClaimIndex(made);
        for (const [side, one] of [...keys, ...keys]) {
          expect(index.firstOn(side, one)).toBe(made.find((each) => each.channel === side && each.fits(one)));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('is found without asking those whose glob begins or ends in another way', () => {
    let asked = 0;
    const count = () => {
      asked += 1;
    };
    const index = new ClaimIndex(
      Array.from({ length: 1_000 }, (_, place) =>
        claim(place, 'labels', [`a${place}-*`, `*-b${place}`, `acme.io/c${place}*`, `d${place}`], true, count),
      ),
    );
    for (let i = 0; i < 1_000; i++) expect(index.firstOn('labels', `k${i}`)).toBeUndefined();
    expect(asked).toBe(0);
    expect(index.firstOn('labels', 'x-b7')?.place).toBe(7);
    expect(index.firstOn('labels', 'd8')?.place).toBe(8);
    expect(asked).toBe(2);
  });
});

const list = <T>(length: number, each: (i: number) => T) => Array.from({ length }, (_, i) => each(i));
const removing = (i: number, globs: readonly string[]) =>
  programOf(`p${String(i).padStart(4, '0')}`, {
    rules: [
      { name: 'away', remove: { labels: globs } },
      { name: 'own', set: { labels: [{ key: `k${i}`, value: 'x' }] } },
    ],
  });

describe('what claims cost', () => {
  const healthy = programOf('z-healthy', { rules: [{ name: 'r', set: { labels: [{ key: 'env', value: 'prod' }] } }] });
  const object = cachedObject({ name: 'a', labels: { 'old-17-a': 'v' } });

  test('is little for globs with one star: a thousand policies remove by theirs, and set their keys', () => {
    const programs = list(1_000, (i) => removing(i, [`old-${i}-*`, `*-away-${i}`]));
    const { desired, verdicts } = evaluated(object, programs);
    expect(desired?.applied.labels.size).toBe(1_000);
    expect([...(desired?.leaving?.labels ?? [])]).toEqual(['old-17-a']);
    expect(verdicts.flatMap(({ results }) => results)).toEqual([]);
  });

  test('is bounded for others: who asks too much removes nothing and says so, and everybody sets keys', () => {
    const globs = (i: number) => list(64, (each) => `*old-${i}-*-${each}*`);
    const programs = [...list(200, (i) => removing(i, [...globs(i).slice(1), `old-${i}-*`])), healthy];
    const { desired, verdicts } = evaluated(object, programs);
    expect(desired?.applied.labels.size).toBe(201);
    expect(verdicts.at(-1)?.results).toEqual([]);
    const errors = verdicts.flatMap(({ results }) => results);
    expect(errors.length).toBeGreaterThan(150);
    expect(new Set(errors.map(({ rule, code }) => `${rule} ${code}`))).toEqual(new Set(['away SourceTooLarge']));
    // The one whose key is there is among them.
    expect(verdicts[17]?.results).toHaveLength(1);
    expect(desired?.leaving).toBeUndefined();
  });
});
