import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { serverSelection } from '../../test/support/server-selection.ts';
import { bothOf, eitherOf, type LabelValues, otherThan, requiredValues, requirementOf } from './label-values.ts';
import { compileSelector } from './selector.ts';

const VALUES = ['', 'a', 'b', 'c'];
const labelValues: fc.Arbitrary<LabelValues> = fc.record({
  absent: fc.boolean(),
  only: fc.boolean(),
  values: fc.subarray(VALUES).map((values) => new Set(values)),
});
/** Undefined: absent. `z` stands for all values that nobody speaks of. */
const there = [undefined, ...VALUES, 'z'];

function holds({ absent, only, values }: LabelValues, value: string | undefined): boolean {
  return value === undefined ? absent : values.has(value) === only;
}

test('what either, both and none of two hold', () => {
  fc.assert(
    fc.property(labelValues, labelValues, fc.constantFrom(...there), (a, b, value) => {
      expect(holds(eitherOf(a, b), value)).toBe(holds(a, value) || holds(b, value));
      expect(holds(bothOf(a, b), value)).toBe(holds(a, value) && holds(b, value));
      expect(holds(otherThan(a), value)).toBe(!holds(a, value));
    }),
  );
});

test('what a selector requires of each key is what it selects by, and a requirement says the same to the server', () => {
  const key = fc.constantFrom('acme.io/k', 'constructor');
  const values = fc.subarray(VALUES, { minLength: 1 });
  const selector = fc.record({
    matchLabels: fc.dictionary(key, fc.constantFrom(...VALUES), { noNullPrototype: true }),
    matchExpressions: fc.array(
      fc.oneof(
        fc.record({ key, operator: fc.constantFrom('In' as const, 'NotIn' as const), values }),
        fc.record({ key, operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const) }),
      ),
      { maxLength: 3 },
    ),
  });
  const labels = fc.dictionary(key, fc.constantFrom(...VALUES, 'z'), { noNullPrototype: true });
  fc.assert(
    fc.property(selector, labels, (one, own) => {
      const required = [...requiredValues(one)];
      const value = (name: string) => (Object.hasOwn(own, name) ? own[name] : undefined);
      expect(required.every(([name, each]) => holds(each, value(name)))).toBe(compileSelector(one)(own));
      for (const [name, each] of required) {
        const labelSelector = requirementOf(name, each);
        if (labelSelector === undefined) continue;
        const selects = serverSelection({ labelSelector });
        expect(selects(cachedObject({ name: 'x', labels: own }))).toBe(holds(each, value(name)));
      }
    }),
    { numRuns: 500 },
  );
});

const of = (absent: boolean, only: boolean, ...values: string[]) =>
  requirementOf('k', { absent, only, values: new Set(values) });

test('a requirement is written as the API server reads it', () => {
  expect(of(false, true, 'b', 'a')).toBe('k in (a,b)');
  expect(of(true, false, 'a')).toBe('k notin (a)');
  expect(of(false, false)).toBe('k');
  expect(of(false, false, 'a')).toBe('k,k notin (a)');
  expect(of(true, true)).toBe('!k');
  // Absent or 'a'; anything at all; nothing at all.
  expect([of(true, true, 'a'), of(true, false), of(false, true)]).toEqual([undefined, undefined, undefined]);
});
