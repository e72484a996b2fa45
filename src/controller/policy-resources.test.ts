import { expect, test } from 'vitest';
import { programOf } from '../../test/support/compiled-policy.ts';
import { groupResourceName } from '../api/resource.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';
import { type Part, planWatches } from '../watchplan/plan.ts';
import { policyResources } from './policy-resources.ts';

const served = (resource: string): DiscoverySnapshot => {
  const verbs = ['get', 'list', 'watch', 'patch'];
  const versions = [{ version: 'v1', kind: 'Kind', scope: 'Namespaced' as const, verbs }];
  return new Map([[resource, { group: '', resource, versions, stale: false }]]);
};
const SERVER: DiscoverySnapshot = new Map([...served('configmaps'), ...served('secrets')]);

function program(...targets: readonly (readonly [group: string, resource: string])[]): Program {
  const resources = targets.map(([group, resource]) => ({ group, resource }));
  return programOf('p', { match: { resources }, rules: [{ name: 'r1', require: { labels: [{ key: 'team' }] } }] });
}

function partOf(planned: Program): Part | undefined {
  const input = {
    programs: [planned],
    discovery: SERVER,
    crdUids: new Map(),
    apiServiceUids: new Map(),
    written: new Set<string>(),
  };
  return planWatches(input).parts.get('p');
}

/** `NAME STATE MESSAGE`; every resource that is asked for is said to be watched. */
function shown(of: Program, part: Part | undefined) {
  const { resources, skipped } = policyResources(of, part, (resource) => ({
    state: 'Watching',
    message: `of ${groupResourceName(resource)}`,
    version: 'v1',
  }));
  return [
    resources.map((row) => `${groupResourceName(row)} ${row.version ?? '-'} ${row.state} ${row.message}`),
    skipped.map(({ name }) => name),
  ];
}

test('what a policy is about: what its targets come to, and globs that fit nothing as themselves', () => {
  const one = program(['', '*'], ['late.io', 'things'], ['*.late.io', '*']);
  expect(shown(one, partOf(one))).toEqual([
    [
      'configmaps v1 Watching of configmaps',
      'things.late.io v1 Watching of things.late.io',
      '*.*.late.io - NotServed the API server serves nothing that this fits yet',
    ],
    ['secrets'],
  ]);
});

test('before its spec is planned, its targets as they are written, whatever was planned for an earlier one', () => {
  const present = program(['', 'c*']);
  const expected = [['c* v1 Watching of c*'], []];
  expect(shown(present, undefined)).toEqual(expected);
  expect(shown(present, partOf(program(['', '*'])))).toEqual(expected);
});
