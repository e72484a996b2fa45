import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, evaluated, NAMESPACES, NODES, owning, programOf } from '../../test/support/compiled-policy.ts';
import type { CachedObject } from '../api/object.ts';
import { KeyPatterns } from './key-patterns.ts';
import type { KindContext, Program } from './program.ts';
import { indexOf } from './program-index.ts';
import { subjectOf } from './subject.ts';

const RESOURCES = ['configmaps', 'namespaces', 'nodes'].map((resource) => ({ group: '', resource }));
const SET = { name: 'color', set: { labels: [{ key: 'color', value: 'blue' }] } };

function policy(name: string, match: object, exclude?: readonly object[]): Program {
  const fields = exclude === undefined ? {} : { exclude };
  return programOf(name, { match: { resources: RESOURCES, ...match }, rules: [SET], ...fields });
}

/** Enough of them to be looked up. */
const OTHERS = Array.from({ length: 20 }, (_, i) => policy(`other-${i}`, { namespaces: [`elsewhere-${i}`] }));
const shop = cachedObject({ name: 'shop', namespace: '', labels: { env: 'prod' } });
const web = cachedObject({ name: 'web', namespace: 'shop', labels: { app: 'web' } });

function candidates(
  programs: readonly Program[],
  object: CachedObject,
  {
    kind = CONFIG_MAPS,
    namespace = shop,
    held = new Map<string, KeyPatterns>(),
  }: { kind?: KindContext; namespace?: CachedObject | undefined; held?: ReadonlyMap<string, KeyPatterns> } = {},
): readonly (string | undefined)[] {
  const namespaceOf = (name: string) => (namespace?.name === name ? namespace : undefined);
  return indexOf(programs)
    .candidates({ object, kind, namespaceOf, held })
    .map((place) => programs[place]?.policy);
}

describe('of many policies on a kind', () => {
  const inShop = policy('in-shop', { namespaces: ['sh*'] });
  const inProd = policy('in-prod', { namespaceSelector: { matchLabels: { env: 'prod' } } });
  const inDev = policy('in-dev', { namespaceSelector: { matchLabels: { env: 'dev' } } });
  const ofWeb = policy('of-web', { objectSelector: { matchLabels: { app: 'web' } } });
  const ofDb = policy('of-db', {
    objectSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['db'] }] },
  });
  const programs = [ofWeb, ...OTHERS, inShop, inProd, inDev, ofDb];

  test('those of other namespaces and other labels are not asked, and the rest keep their order', () => {
    expect(candidates(programs, web)).toEqual(['of-web', 'in-shop', 'in-prod']);
  });

  test('what a Namespace says now decides, and nothing while it was not seen', () => {
    const dev = { ...shop, labels: { env: 'dev' } };
    expect(candidates(programs, web, { namespace: dev })).toEqual(['of-web', 'in-shop', 'in-dev']);
    expect(candidates(programs, web)).toEqual(['of-web', 'in-shop', 'in-prod']);
    const unseen = cachedObject({ name: 'elsewhere', namespace: '' });
    const found = ['of-web', 'in-shop', 'in-prod', 'in-dev'];
    expect(candidates(programs, web, { namespace: unseen })).toEqual(found);
  });

  test('a policy that holds keys is asked, whatever it matches', () => {
    const held = new Map([['other-3', new KeyPatterns(owning('color'))]]);
    expect(candidates(programs, web, { held })).toEqual(['of-web', 'other-3', 'in-shop', 'in-prod']);
  });

  test('what stands in no namespace is nothing for policies with namespaces', () => {
    const everywhere = policy('everywhere', {});
    const node = cachedObject({ name: 'n1', namespace: '' });
    expect(candidates([...programs, everywhere], node, { kind: NODES })).toEqual(['everywhere']);
  });
});

const NAMES = ['shop', 'bar', 'not-seen'];
const word = fc.constantFrom('a', 'b', 'c');
const key = fc.constantFrom('app', 'tier', 'team', 'constructor');
const labels = fc.dictionary(key, word, { maxKeys: 3 });
const requirement = fc.oneof(
  fc.record({ key, operator: fc.constantFrom('In', 'NotIn'), values: fc.uniqueArray(word, { minLength: 1 }) }),
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
);
const selector = fc.record(
  { matchLabels: labels, matchExpressions: fc.array(requirement, { maxLength: 2 }) },
  { requiredKeys: ['matchLabels'] },
);
const terms = fc.record(
  {
    names: fc.uniqueArray(fc.constantFrom('shop', 'w*', '*'), { minLength: 1 }),
    namespaces: fc.uniqueArray(fc.constantFrom('shop', 'b*', '*', 'not-seen'), { minLength: 1 }),
    namespaceSelector: selector,
    objectSelector: selector,
  },
  { requiredKeys: [] },
);
const exclusion = terms.filter((each) => Object.keys(each).length > 0);
const policies = fc
  .array(fc.record({ match: terms, exclude: fc.array(exclusion, { maxLength: 1 }) }), { minLength: 17, maxLength: 30 })
  .map((specs) => specs.map(({ match, exclude }, i) => policy(`p${String(i).padStart(2, '0')}`, match, exclude)));
const namespaces = fc.record({ shop: labels, bar: labels });
const objects = fc.array(
  fc.record({
    kind: fc.constantFrom(CONFIG_MAPS, NAMESPACES, NODES),
    name: fc.constantFrom(...NAMES, 'web'),
    namespace: fc.constantFrom(...NAMES),
    labels,
    owned: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
);

test('a policy that is left out does not match, whatever came before', () => {
  fc.assert(
    fc.property(policies, fc.array(fc.tuple(namespaces, objects), { maxLength: 3 }), (programs, rounds) => {
      for (const [all, them] of rounds) {
        const seen = Object.entries(all).map(([name, of]) => cachedObject({ name, namespace: '', labels: of }));
        const namespaceOf = (name: string) => seen.find((namespace) => namespace.name === name);
        for (const { kind, owned, ...fields } of them) {
          const namespace = kind.scope === 'Cluster' ? '' : fields.namespace;
          const object = cachedObject({ ...fields, namespace, applied: owning(...(owned ? ['team', 'color'] : [])) });
          const places = indexOf(programs).candidates({ object, kind, namespaceOf, held: new Map() });
          expect(places).toEqual([...new Set(places)].toSorted((a, b) => a - b));
          for (const [place, program] of programs.entries()) {
            if (places.includes(place)) continue;
            expect(program.matches(subjectOf(object, kind, program.writes, namespaceOf))).toBe('No');
          }
          const { verdicts } = evaluated(object, programs, { kind, namespaces: seen });
          const alone = programs.map((program) => evaluated(object, [program], { kind, namespaces: seen }).verdicts[0]);
          expect(verdicts.map(({ matched, pending }) => ({ matched, pending }))).toEqual(
            alone.map((verdict) => ({ matched: verdict?.matched, pending: verdict?.pending })),
          );
        }
      }
    }),
  );
});
