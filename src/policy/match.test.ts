import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, NAMESPACES, NODES } from '../../test/support/compiled-policy.ts';
import { type CachedObject, NO_KEYS } from '../api/object.ts';
import { parsePolicySpec } from '../api/parse-policy.ts';
import { KeyPatterns } from './key-patterns.ts';
import { compileMatch } from './match.ts';
import type { Answer, KindContext } from './program.ts';
import { subjectOf } from './subject.ts';

const RESOURCES = [
  { group: '', resource: 'configmaps' },
  { group: '', resource: 'namespaces' },
  { group: '', resource: 'nodes' },
];
const SHOP = cachedObject({ name: 'shop', namespace: '', labels: { env: 'prod' } });

interface Terms {
  readonly match?: Readonly<Record<string, unknown>>;
  readonly exclude?: readonly unknown[];
}

function predicateOf({ match = {}, exclude }: Terms) {
  const parsed = parsePolicySpec({
    match: { resources: RESOURCES, ...match },
    rules: [{ name: 'r1', require: { labels: [{ key: 'x' }] } }],
    ...(exclude === undefined ? {} : { exclude }),
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return compileMatch(parsed.spec.match, parsed.spec.exclude ?? []);
}

const namespaceOf = (name: string) => (name === 'shop' ? SHOP : undefined);

/** The answer for an object; only Namespace `shop` was seen yet. */
function answer(terms: Terms, object: CachedObject, kind: KindContext = CONFIG_MAPS): Answer {
  return predicateOf(terms)(subjectOf(object, kind, new KeyPatterns(NO_KEYS), namespaceOf));
}

const web = cachedObject({ name: 'web-1', namespace: 'shop', labels: { app: 'web' } });
const early = cachedObject({ name: 'web-1', namespace: 'not-seen', labels: { app: 'web' } });
const proxy = cachedObject({ name: 'kube-proxy', namespace: 'kube-system' });
const node = cachedObject({ name: 'n1', namespace: '', labels: { zone: 'a' } });

const prod = { namespaceSelector: { matchLabels: { env: 'prod' } } };
const dev = { namespaceSelector: { matchLabels: { env: 'dev' } } };
const labelled = { objectSelector: { matchLabels: { app: 'web' } } };
const otherwise = { objectSelector: { matchLabels: { app: 'db' } } };

describe('match', () => {
  test.each<[string, Terms['match'], CachedObject, Answer]>([
    ['no further term', {}, web, 'Yes'],
    ['a name', { names: ['web-1'] }, web, 'Yes'],
    ['a glob of names', { names: ['db-*', 'web-*'] }, web, 'Yes'],
    ['no name that fits', { names: ['db-*', 'web'] }, web, 'No'],
    ['a namespace', { namespaces: ['shop'] }, web, 'Yes'],
    ['a glob of namespaces', { namespaces: ['sh*'] }, web, 'Yes'],
    ['no namespace that fits', { namespaces: ['team-*'] }, web, 'No'],
    ['the namespaces of Kubernetes itself, by a glob', { namespaces: ['*', 'kube-*'] }, proxy, 'No'],
    ['the namespaces of Kubernetes itself, exactly named', { namespaces: ['*', 'kube-system'] }, proxy, 'Yes'],
    ["the namespace's labels", prod, web, 'Yes'],
    ["not the namespace's labels", dev, web, 'No'],
    ["the object's labels", labelled, web, 'Yes'],
    ["not the object's labels", otherwise, web, 'No'],
    ['all terms', { names: ['web-*'], namespaces: ['shop'], ...prod, ...labelled }, web, 'Yes'],
    ['all terms but one', { names: ['web-*'], namespaces: ['shop'], ...dev, ...labelled }, web, 'No'],
    ['a namespace that was not seen yet, by name', { namespaces: ['not-*'] }, early, 'Yes'],
    ['a namespace that was not seen yet, by another name', { namespaces: ['shop'] }, early, 'No'],
    ['a namespace that was not seen yet, by label', prod, early, 'Unknown'],
    ['unknown and yes', { ...prod, ...labelled }, early, 'Unknown'],
    ['unknown and no', { ...prod, ...otherwise }, early, 'No'],
  ])('%s', (_, match, object, expected) => {
    expect(answer({ match: match ?? {} }, object)).toBe(expected);
  });

  test('a resource of another group with the same name is not meant', () => {
    expect(answer({}, web, { ...CONFIG_MAPS, group: 'example.com' })).toBe('No');
    expect(answer({}, web, { ...CONFIG_MAPS, resource: 'secrets' })).toBe('No');
  });
});

describe('exclude', () => {
  test.each<[string, Terms, CachedObject, Answer]>([
    ['an entry that holds', { exclude: [{ names: ['web-1'] }] }, web, 'No'],
    ['an entry that does not hold', { exclude: [{ names: ['db'] }] }, web, 'Yes'],
    ['a namespace of Kubernetes itself, by a glob too', { exclude: [{ namespaces: ['kube-*'] }] }, proxy, 'No'],
    ['any entry', { exclude: [{ names: ['db'] }, labelled] }, web, 'No'],
    ['an entry holds when all its terms do', { exclude: [{ names: ['web-1'], ...otherwise }] }, web, 'Yes'],
    ['what is not matched stays so', { match: otherwise, exclude: [{ names: ['db'] }] }, web, 'No'],
    ['unknown: may be excluded', { exclude: [prod] }, early, 'Unknown'],
    ['unknown, but another entry holds', { exclude: [prod, labelled] }, early, 'No'],
    ['unknown, but the entry does not hold for another reason', { exclude: [{ ...prod, ...otherwise }] }, early, 'Yes'],
    ['unknown, but not matched', { match: otherwise, exclude: [prod] }, early, 'No'],
    ['match unknown, and excluded', { match: prod, exclude: [labelled] }, early, 'No'],
    ['match unknown, and not excluded', { match: prod, exclude: [otherwise] }, early, 'Unknown'],
    ['both unknown', { match: prod, exclude: [dev] }, early, 'Unknown'],
    ['a resource', { exclude: [{ resources: [{ group: '', resource: 'configmaps' }] }] }, web, 'No'],
    ['another resource', { exclude: [{ resources: [{ group: 'apps', resource: 'configmaps' }] }] }, web, 'Yes'],
  ])('%s', (_, terms, object, expected) => {
    expect(answer(terms, object)).toBe(expected);
  });
});

describe('cluster-scoped objects', () => {
  test.each<[string, Terms, Answer]>([
    ['match without namespace terms', {}, 'Yes'],
    ['never match a namespace', { match: { namespaces: ['*'] } }, 'No'],
    ["never match a namespace's labels", { match: { namespaceSelector: {} } }, 'No'],
    ['are never excluded by a namespace', { exclude: [{ namespaces: ['*'] }] }, 'Yes'],
    ["are never excluded by a namespace's labels", { exclude: [{ namespaceSelector: {} }] }, 'Yes'],
  ])('%s', (_, terms, expected) => {
    expect(answer(terms, node, NODES)).toBe(expected);
  });

  test.each<[string, Terms, Answer]>([
    ['its name', { match: { namespaces: ['shop'] } }, 'Yes'],
    ['another name', { match: { namespaces: ['team-*'] } }, 'No'],
    ['its labels', { match: prod }, 'Yes'],
    ['other labels', { match: dev }, 'No'],
    ['its name excludes it', { exclude: [{ namespaces: ['shop'] }] }, 'No'],
  ])('but a Namespace is its own namespace: %s', (_, terms, expected) => {
    expect(answer(terms, SHOP, NAMESPACES)).toBe(expected);
  });
});

describe('labels that the policy wrote itself', () => {
  const own = new KeyPatterns({ labels: ['app'], annotations: [] });
  const absent = { objectSelector: { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] } };

  test.each<[string, Partial<CachedObject>, Answer]>([
    ['are not seen when our manager owns them', { applied: own }, 'Yes'],
    ['are not seen when our retaining manager owns them', { retained: own }, 'Yes'],
    ['are seen when somebody else owns them', {}, 'No'],
  ])('%s', (_, fields, expected) => {
    const object = { ...web, ...fields };
    expect(predicateOf({ match: absent })(subjectOf(object, CONFIG_MAPS, own, () => SHOP))).toBe(expected);
  });

  test('are seen by policies that do not write them', () => {
    const env = new KeyPatterns({ labels: ['env'], annotations: [] });
    const subject = subjectOf({ ...web, applied: own }, CONFIG_MAPS, env, () => SHOP);
    expect(predicateOf({ match: labelled })(subject)).toBe('Yes');
  });

  test('are not seen on a Namespace by its own namespace terms either', () => {
    const env = new KeyPatterns({ labels: ['env'], annotations: [] });
    const subject = subjectOf({ ...SHOP, applied: env }, NAMESPACES, env, () => undefined);
    expect(predicateOf({ match: prod })(subject)).toBe('No');
  });
});

const resources = (...all: readonly object[]) => ({ match: { resources: all } });

describe('resources', () => {
  const everything = { group: '*', resource: '*' };
  const system = cachedObject({ name: 'kube-system', namespace: '' });

  test.each<[string, Terms, CachedObject, KindContext, Answer]>([
    ['a glob that fits', resources({ group: '', resource: 'config*' }), web, CONFIG_MAPS, 'Yes'],
    ['a glob that does not', resources({ group: '', resource: 'p*' }), web, CONFIG_MAPS, 'No'],
    ['another scope', resources({ ...everything, scope: 'Cluster' }), web, CONFIG_MAPS, 'No'],
    ['its scope', resources({ ...everything, scope: 'Cluster' }), node, NODES, 'Yes'],
    ['what a glob leaves out', resources(everything), web, { ...CONFIG_MAPS, resource: 'secrets' }, 'No'],
    ['a glob, in a namespace of Kubernetes itself', resources(everything), proxy, CONFIG_MAPS, 'No'],
    ['a glob, and that Namespace', resources(everything), system, NAMESPACES, 'No'],
    [
      'a glob, where the namespace is named exactly',
      { match: { resources: [everything], namespaces: ['kube-system'] } },
      proxy,
      CONFIG_MAPS,
      'Yes',
    ],
    [
      'a glob, where labels alone choose the namespace',
      { match: { resources: [everything], namespaceSelector: {} } },
      proxy,
      CONFIG_MAPS,
      'No',
    ],
    [
      'the resource named exactly, in a namespace of Kubernetes itself',
      resources(everything, { group: '', resource: 'configmaps' }),
      proxy,
      CONFIG_MAPS,
      'Yes',
    ],
    ['excluded by a glob', { exclude: [{ resources: [{ group: '*', resource: 'config*' }] }] }, web, CONFIG_MAPS, 'No'],
    [
      'excluded by a glob, with other terms that do not hold',
      { exclude: [{ resources: [everything], names: ['db-*'] }] },
      web,
      CONFIG_MAPS,
      'Yes',
    ],
    [
      'excluded in another scope',
      { exclude: [{ resources: [{ ...everything, scope: 'Cluster' }] }] },
      web,
      CONFIG_MAPS,
      'Yes',
    ],
  ])('%s', (_, terms, object, kind, expected) => {
    expect(answer(terms, object, kind)).toBe(expected);
  });
});
