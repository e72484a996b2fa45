import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluated, programOf } from '../../test/support/compiled-policy.ts';
import { ContendedObject } from '../../test/support/contended-object.ts';
import type { ModelObject } from '../../test/support/model-object.ts';
import type { Program } from '../policy/program.ts';
import { nextWrite } from './plan-write.ts';

const KEYS = ['k0', 'k1', 'k2'];
const MINUTE = 60_000;
const key = fc.constantFrom(...KEYS);
const value = fc.constantFrom('v0', 'v1');

/** In a minute, of one key: to copy a value to its new name and to remove the old one are two. */
const MOST_OF_A_KEY = 8;

const writesPerMinute = ({ writes }: ContendedObject) =>
  Math.max(0, ...writes.map((from) => writes.filter((at) => at >= from && at < from + MINUTE).length));

// ---- Others fight us -----------------------------------------------------------------------------------------------

type Change = (model: ModelObject) => ModelObject;

/** What somebody does to one key: gives it another value, or removes it. */
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(key, fc.constantFrom('x', 'y')).map(
    ([name, text]): Change =>
      (model) =>
        model.updatedBy('gitops', 'labels', name, text),
  ),
  key.map(
    (name): Change =>
      (model) =>
        model.without({ labels: new Set([name]), annotations: new Set() }),
  ),
);
const step = fc.oneof(
  { weight: 3, arbitrary: change.map((act) => ({ act, ms: 0 })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 90_000 }).map((ms) => ({ act: undefined, ms })) },
);
/** What a rule does with its key. */
const rule = fc.oneof(
  value.map((text) => (name: string) => ({ set: { labels: [{ key: name, value: text }] } })),
  value.map((text) => (name: string) => ({ default: { labels: [{ key: name, value: text }] } })),
  fc.constant((name: string) => ({ remove: { labels: [name] } })),
  fc.constant((name: string) => ({ rename: { labels: [{ from: name, to: `${name}-new` }] } })),
);
const history = fc.record({
  rules: fc.tuple(rule, rule, rule),
  /** What somebody does at once whenever we write. */
  reaction: fc.option(change, { nil: undefined }),
  steps: fc.array(step, { maxLength: 60 }),
});

test('whatever others do, writes of an object are few in any minute, and what is wanted stands once they have stopped', async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ rules, reaction, steps }) => {
      const program = programOf('p', { rules: rules.map((act, i) => ({ name: `r${i}`, ...act(`k${i}`) })) });
      const on = new ContendedObject({ programs: [program] });
      if (reaction !== undefined) on.react = reaction;
      on.settle();
      for (const { act, ms } of steps) {
        if (act !== undefined) on.model = act(on.model);
        on.settle();
        await on.clock.advance(ms);
      }
      expect(writesPerMinute(on)).toBeLessThanOrEqual(KEYS.length * MOST_OF_A_KEY + 1);
      on.react = (model) => model;
      await on.clock.advance(70 * MINUTE);
      on.settle();
      // Evaluated without the guard it comes to the same.
      const { desired } = evaluated(on.model.cached, [program]);
      expect(desired && nextWrite(on.model.cached, desired)).toBeUndefined();
      expect(on.reports['p']?.filter((report) => report.startsWith('Contended'))).toEqual([]);
      // Nothing is remembered for ever.
      await on.clock.advance(70 * MINUTE);
      expect([on.guard.size, on.clock.pending]).toEqual([0, 0]);
    }),
    { numRuns: 300 },
  );
});

// ---- Policies among themselves -------------------------------------------------------------------------------------

const terms = fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') });
const policies = fc
  .array(
    fc.record({
      terms: fc.array(terms, { minLength: 1, maxLength: 2 }),
      sets: fc.dictionary(key, value, { minKeys: 1, maxKeys: 2, noNullPrototype: true }),
    }),
    { minLength: 2, maxLength: 5 },
  )
  .map((all) =>
    all.flatMap(({ terms: matchExpressions, sets }, i): Program[] => {
      // A policy that asks for its own key is refused.
      if (matchExpressions.some((term) => Object.hasOwn(sets, term.key))) return [];
      const match = { resources: [{ group: '', resource: 'configmaps' }], objectSelector: { matchExpressions } };
      const rules = Object.entries(sets).map(([name, text]) => ({
        name,
        set: { labels: [{ key: name, value: text }] },
      }));
      return [programOf(`p${i}`, { match, rules })];
    }),
  );

test('whatever policies do to each other, writes of an object end, and if it stands still its policies say so', async () => {
  let standstills = 0;
  await fc.assert(
    fc.asyncProperty(policies, fc.array(fc.tuple(key, value), { maxLength: 3 }), async (programs, labels) => {
      const on = new ContendedObject({ programs });
      for (const [name, text] of labels) on.model = on.model.updatedBy('kubectl', 'labels', name, text);
      on.settle();
      expect(on.writes.length).toBeLessThanOrEqual(30);
      const before = on.writes.length;
      await on.clock.advance(120 * MINUTE);
      on.settle();
      expect(on.writes).toHaveLength(before);
      const said = Object.values(on.reports).flat();
      if (said.some((message) => message.startsWith('SelfOscillation'))) standstills += 1;
      expect(said.filter((message) => !/^(?:SelfOscillation|Yielded): /.test(message))).toEqual([]);
    }),
    // Always the same ones: how many of them come to stand still is counted.
    { numRuns: 500, seed: 20_261_121 },
  );
  expect(standstills).toBeGreaterThan(5);
});
