import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { programOf } from '../../test/support/compiled-policy.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import type { CachedObject } from '../api/object.ts';
import type { Verdict } from '../policy/verdict.ts';
import { type Refusal, Refusals, type WantedWrite, withRefusal } from './refusals.ts';

const SET = { name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } };
const REQUIRE = { name: 'team', require: { labels: [{ key: 'team' }] } };
const REFUSAL: Refusal = { code: 'RefusedByServer', message: 'the API server refused the write: no' };
const OBJECT = cachedObject({ name: 'a' });
const CHANGED = cachedObject({ name: 'a', resourceVersion: '2' });
const PROGRAMS = [programOf('p', { rules: [SET] })];

/** Something new with each call, as each evaluation makes it. */
const wanted = (object: CachedObject, env = 'prod'): WantedWrite => ({
  object,
  programs: PROGRAMS,
  desired: {
    applied: { labels: new Map([['env', env]]), annotations: new Map(), fromPicture: false },
    retained: { labels: new Map(), annotations: new Map(), fromPicture: false },
  },
});

function setUp() {
  const clock = new ManualClock();
  const refusals = new Refusals(clock);
  refusals.add('a', REFUSAL, wanted(OBJECT));
  return { clock, refusals };
}

describe('a refusal', () => {
  test('stands as long as neither the object nor the programs change, and leaves the next try to the queue', async () => {
    const { clock, refusals } = setUp();
    expect(refusals.standing('a', wanted(OBJECT))).toEqual({ refusal: REFUSAL, againWithinMs: undefined });
    await clock.advance(3_600_000);
    expect(refusals.standing('a', wanted(OBJECT))).toEqual({ refusal: REFUSAL, againWithinMs: undefined });
    expect(refusals.standing('b', wanted(OBJECT))).toBeUndefined();
  });

  test('of an object that has changed stands until five seconds have passed, and says how long that is', async () => {
    const { clock, refusals } = setUp();
    await clock.advance(2_000);
    expect(refusals.standing('a', wanted(CHANGED))?.againWithinMs).toBe(3_000);
    await clock.advance(3_000);
    expect(refusals.standing('a', wanted(CHANGED))).toBeUndefined();
    // Forgotten: the object as it was is no reason any more.
    expect(refusals.standing('a', wanted(OBJECT))).toBeUndefined();
  });

  test('counts as that of an object that has changed where something else is wanted of it', async () => {
    const { clock, refusals } = setUp();
    await clock.advance(2_000);
    expect(refusals.standing('a', wanted(OBJECT, 'test'))?.againWithinMs).toBe(3_000);
    expect(refusals.standing('a', wanted(OBJECT))).toEqual({ refusal: REFUSAL, againWithinMs: undefined });
    await clock.advance(3_000);
    expect(refusals.standing('a', wanted(OBJECT, 'test'))).toBeUndefined();
  });

  test('is forgotten at once when the programs are others', () => {
    const { refusals } = setUp();
    expect(refusals.standing('a', { ...wanted(OBJECT), programs: [...PROGRAMS] })).toBeUndefined();
    expect(refusals.standing('a', wanted(OBJECT))).toBeUndefined();
  });

  test('of a later write takes the place of the earlier one', async () => {
    const { clock, refusals } = setUp();
    await clock.advance(60_000);
    refusals.add('a', { ...REFUSAL, message: 'no again' }, wanted(CHANGED));
    expect(refusals.standing('a', wanted(CHANGED))?.refusal.message).toBe('no again');
    expect(refusals.standing('a', wanted(OBJECT))?.againWithinMs).toBe(5_000);
  });

  test('can be forgotten', () => {
    const { refusals } = setUp();
    refusals.forget('a');
    expect(refusals.standing('a', wanted(OBJECT))).toBeUndefined();
  });
});

const verdict = (fields: Partial<Verdict>): Verdict => ({
  matched: false,
  owned: false,
  pending: false,
  results: [],
  ...fields,
});

describe('who reports it', () => {
  const error = { rule: 'env', result: 'Error', severity: 'high', ...REFUSAL } as const;

  test.each([
    ['a policy that writes the object', { rules: [REQUIRE, SET] }, { matched: true }, true],
    ['a policy whose keys are to be removed from it', { rules: [SET] }, { owned: true }, true],
    ['not one that is not about the object', { rules: [SET] }, {}, false],
    ['not one that only judges', { rules: [REQUIRE] }, { matched: true }, false],
    ['not one that is not enforced', { mode: 'Audit', rules: [SET] }, { matched: true }, false],
  ])('%s', (_, fields, said, reports) => {
    const programs = [programOf('p', { severity: 'high', ...fields })];
    const [reported] = withRefusal(programs, [verdict(said)], REFUSAL);
    expect(reported).toEqual(verdict({ ...said, results: reports ? [error] : [] }));
  });

  test('what the policy says besides stays', () => {
    const programs = [programOf('p', { rules: [SET, REQUIRE] })];
    const missing = {
      rule: 'team',
      result: 'Violation',
      code: 'RequiredKeyMissing',
      severity: 'low',
      message: 'm',
    } as const;
    const [reported] = withRefusal(programs, [verdict({ matched: true, results: [missing] })], REFUSAL);
    expect(reported?.results.map(({ code }) => code)).toEqual(['RequiredKeyMissing', 'RefusedByServer']);
  });
});
