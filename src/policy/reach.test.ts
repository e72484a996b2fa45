import { expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, NAMESPACES, NODES, programOf } from '../../test/support/compiled-policy.ts';
import type { KindContext } from './program.ts';
import { compileReach } from './reach.ts';

const resources = [CONFIG_MAPS, NAMESPACES, NODES].map(({ group, resource }) => ({ group, resource }));

test.each<[string, Readonly<Record<string, unknown>>, KindContext, string, string, boolean]>([
  ['a kind of the policy', {}, CONFIG_MAPS, 'shop', 'web', true],
  ['another kind', {}, { ...CONFIG_MAPS, resource: 'secrets' }, 'shop', 'web', false],
  ['a name that fits', { names: ['w*'] }, CONFIG_MAPS, 'shop', 'web', true],
  ['a name that does not', { names: ['d*'] }, CONFIG_MAPS, 'shop', 'web', false],
  ['a namespace that fits', { namespaces: ['s*'] }, CONFIG_MAPS, 'shop', 'web', true],
  ['a namespace that does not', { namespaces: ['t*'] }, CONFIG_MAPS, 'shop', 'web', false],
  ['labels do not matter', { objectSelector: { matchLabels: { a: 'b' } } }, CONFIG_MAPS, 'shop', 'web', true],
  ['a Namespace by its own name', { namespaces: ['shop'] }, NAMESPACES, '', 'shop', true],
  ['a node without namespace terms', {}, NODES, '', 'n1', true],
  ['a node and namespaces by name', { namespaces: ['n*'] }, NODES, '', 'n1', false],
])('%s', (_, terms, kind, namespace, name, expected) => {
  const { reach } = programOf('p', {
    match: { resources, ...terms },
    rules: [{ name: 'r1', require: { labels: [{ key: 'x' }] } }],
  });
  expect(compileReach(reach)(kind, cachedObject({ namespace, name }))).toBe(expected);
});

test.each<[string, readonly string[], string, string, boolean]>([
  ['a name, as older records have it', ['widgets.acme.io'], 'acme.io', 'widgets', true],
  ['another name', ['widgets.acme.io'], 'acme.io', 'gadgets', false],
  ['a glob of groups', ['*.*.acme.io'], 'a.acme.io', 'gadgets', true],
  ['a glob of groups that does not fit', ['*.*.acme.io'], 'acme.io', 'gadgets', false],
  ['all of the core group', ['*'], '', 'configmaps', true],
  ['no more than the core group', ['*'], 'apps', 'deployments', false],
  ['what globs leave out', ['*'], '', 'secrets', false],
  ['unless it is named', ['*', 'secrets'], '', 'secrets', true],
])('resources: %s', (_, reached, group, resource, expected) => {
  const kind = { ...CONFIG_MAPS, group, resource };
  expect(compileReach({ resources: reached })(kind, cachedObject({ namespace: 'shop', name: 'web' }))).toBe(expected);
});

test('globs of a policy are kept in a text from which they can be read again', () => {
  const globs = [
    { group: '*.acme.io', resource: 'w*' },
    { group: '', resource: '*' },
    { group: '*', resource: '*' },
  ];
  const { reach } = programOf('p', {
    match: { resources: globs },
    rules: [{ name: 'r1', require: { labels: [{ key: 'x' }] } }],
  });
  expect(reach.resources).toEqual(['*', '*.*', 'w*.*.acme.io']);
});
