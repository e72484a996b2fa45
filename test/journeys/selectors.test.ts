import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LabelSelector, MatchExpression } from '../../src/api/match.ts';
import { compileSelector } from '../../src/api/selector.ts';
import { configMap, useStage } from '../support/stage.ts';

const stage = useStage();

// `constructor` is a label key like any other, and objects in JavaScript have one already.
const key = fc.constantFrom('app', 'tier', 'acme.io/team', 'constructor');
const value = fc.constantFrom('', 'a', 'b', 'a.b-c_d');
const labels = fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true });
const values = fc.uniqueArray(value, { minLength: 1, maxLength: 3 });
const expression: fc.Arbitrary<MatchExpression> = fc.oneof(
  fc.record({ key, operator: fc.constantFrom('In' as const, 'NotIn' as const), values }),
  fc.record({ key, operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const) }),
);
const selector: fc.Arbitrary<LabelSelector> = fc.record(
  { matchLabels: labels, matchExpressions: fc.array(expression, { maxLength: 3 }) },
  { requiredKeys: [] },
);

/** The selector as a query of the API server. */
function query({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const equal = Object.entries(matchLabels).map(([name, wanted]) => `${name}=${wanted}`);
  const others = matchExpressions.map((one) => {
    const among = `(${(one.values ?? []).join(',')})`;
    return {
      In: `${one.key} in ${among}`,
      NotIn: `${one.key} notin ${among}`,
      Exists: one.key,
      DoesNotExist: `!${one.key}`,
    }[one.operator];
  });
  return encodeURIComponent([...equal, ...others].join(','));
}

test('generated selectors select what the API server selects by them', async () => {
  const { admin } = stage();
  const ns = await admin.createNamespace('selectors');
  const seed = Date.now() % 2 ** 31;
  const objects = fc
    .sample(labels, { seed, numRuns: 60 })
    .map((own, i) => ({ name: `cm-${String(i).padStart(2, '0')}`, labels: own }));
  await admin.createMany(objects.map((object) => configMap(ns, object.name, object.labels)));
  const wrong: unknown[] = [];
  for (const one of fc.sample(selector, { seed, numRuns: 300 })) {
    const selects = compileSelector(one);
    const ours = objects.filter((object) => selects(object.labels)).map(({ name }) => name);
    const { items } = await admin.list(`/api/v1/namespaces/${ns}/configmaps?labelSelector=${query(one)}`);
    const theirs = items.map(({ metadata }) => metadata.name).toSorted();
    if (ours.join() !== theirs.join()) wrong.push({ seed, selector: one, ours, theirs });
  }
  expect(wrong).toEqual([]);
});
