import { expect, test } from 'vitest';
import { programOf } from '../../test/support/compiled-policy.ts';
import { Awaited } from './awaited.ts';
import { planWatches } from './plan.ts';

type Target = readonly [group: string, resource: string, scope?: string];

function awaitedBy(targets: readonly Target[], exclude: readonly object[] = []): Awaited {
  const resources = targets.map(([group, resource, scope = '*']) => ({ group, resource, scope }));
  const rules = [{ name: 'r1', require: { labels: [{ key: 'team' }] } }];
  const programs = [programOf('p', { match: { resources }, exclude, rules })];
  return new Awaited(
    planWatches({ programs, discovery: new Map(), crdUids: new Map(), apiServiceUids: new Map(), written: new Set() }),
  );
}

test.each<[string, readonly Target[], string, boolean]>([
  ['what is named', [['acme.io', 'widgets']], 'widgets.acme.io', true],
  ['something else in its group', [['acme.io', 'widgets']], 'gadgets.acme.io', false],
  ['what a glob fits', [['*.io', 'w*']], 'widgets.acme.io', true],
  ['what it fits in either scope', [['*.io', 'w*', 'Cluster']], 'widgets.acme.io', true],
  ['what it does not fit', [['*.io', 'w*']], 'gadgets.acme.io', false],
  ['what globs leave out', [['*', '*']], 'policyreports.wgpolicyk8s.io', false],
])('%s', (_, targets, name, expected) => {
  expect(awaitedBy(targets).resource(name)).toBe(expected);
});

test('not what the policy excludes', () => {
  const exclude = [{ resources: [{ group: 'acme.io', resource: '*' }] }];
  expect(awaitedBy([['*', '*']], exclude).resource('widgets.acme.io')).toBe(false);
});

test('groups in which something is named or that a glob fits', () => {
  const awaited = awaitedBy([
    ['acme.io', 'widgets'],
    ['*.example.com', '*'],
  ]);
  expect(['acme.io', 'a.example.com', 'example.com', 'apps'].map((group) => awaited.group(group))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
