import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { groupResourceName } from '../api/resource.ts';
import { anyTerm, compileTerms, type ResourceTerm, type ScopedResource } from './resource-terms.ts';

const term = (group: string, resource: string, scope: ResourceTerm['scope'] = '*'): ResourceTerm => ({
  group,
  resource,
  scope,
});
const resource = (group: string, plural: string, scope: ScopedResource['scope'] = 'Namespaced'): ScopedResource => ({
  group,
  resource: plural,
  scope,
});

/** `Kind`, and what decided. */
function said(terms: readonly ResourceTerm[], asked: ScopedResource, names?: readonly ScopedResource[]): string {
  const fit = compileTerms(terms)(asked, names);
  if (fit.kind === 'Named') return `Named ${groupResourceName(fit.term)}`;
  if (fit.kind === 'Globbed') return `Globbed ${fit.terms.map(groupResourceName).join(' ')}`;
  return fit.kind === 'Skipped' ? `Skipped: ${fit.reason}` : fit.kind;
}

describe('entries of match', () => {
  test.each<[string, readonly ResourceTerm[], ScopedResource, string]>([
    ['a name', [term('apps', 'deployments')], resource('apps', 'deployments'), 'Named deployments.apps'],
    ['another name', [term('apps', 'deployments')], resource('apps', 'daemonsets'), 'None'],
    ['the same name in another group', [term('apps', 'deployments')], resource('acme.io', 'deployments'), 'None'],
    ['a glob of groups', [term('*.acme.io', 'widgets')], resource('a.acme.io', 'widgets'), 'Globbed widgets.*.acme.io'],
    ['which has to fit the whole group', [term('*.acme.io', 'widgets')], resource('acme.io', 'widgets'), 'None'],
    ['a glob of resources', [term('apps', '*sets')], resource('apps', 'daemonsets'), 'Globbed *sets.apps'],
    ['which has to fit the whole plural', [term('apps', '*set')], resource('apps', 'daemonsets'), 'None'],
    ['everything, the core group too', [term('*', '*')], resource('', 'configmaps'), 'Globbed *.*'],
    ['all of the core group', [term('', '*')], resource('', 'configmaps'), 'Globbed *'],
    ['and of no other', [term('', '*')], resource('apps', 'deployments'), 'None'],
    [
      'several globs',
      [term('apps', '*'), term('acme.io', '*'), term('*', 'd*')],
      resource('apps', 'deployments'),
      'Globbed *.apps d*.*',
    ],
    [
      'a name before globs, wherever it stands',
      [term('*', '*'), term('apps', 'deployments')],
      resource('apps', 'deployments'),
      'Named deployments.apps',
    ],
    ['a scope that fits', [term('*', '*', 'Cluster')], resource('', 'nodes', 'Cluster'), 'Globbed *.*'],
    ['a scope that does not', [term('*', '*', 'Cluster')], resource('', 'configmaps'), 'None'],
    ['a name with another scope', [term('', 'nodes', 'Namespaced')], resource('', 'nodes', 'Cluster'), 'None'],
    [
      'which takes nothing from a glob that fits',
      [term('', 'nodes', 'Namespaced'), term('*', '*')],
      resource('', 'nodes', 'Cluster'),
      'Globbed *.*',
    ],
    ['Secrets by a glob', [term('', '*')], resource('', 'secrets'), 'Skipped: Secrets must be named exactly'],
    [
      'Secrets by a glob of groups',
      [term('*', 'secrets')],
      resource('', 'secrets'),
      'Skipped: Secrets must be named exactly',
    ],
    ['Secrets by name beside a glob', [term('*', '*'), term('', 'secrets')], resource('', 'secrets'), 'Named secrets'],
    [
      'what is never a target',
      [term('*', '*')],
      resource('coordination.k8s.io', 'leases'),
      'Skipped: Leases are rewritten every few seconds',
    ],
    [
      'a group of access control',
      [term('rbac.authorization.k8s.io', '*')],
      resource('rbac.authorization.k8s.io', 'roles'),
      'Skipped: resources of access control must be named exactly',
    ],
    ['what no glob fits is not left out by it', [term('apps', '*')], resource('', 'secrets'), 'None'],
  ])('%s', (_, terms, asked, expected) => {
    expect(said(terms, asked)).toBe(expected);
  });

  test('a resource that is served in two groups goes by both names', () => {
    const ingresses = resource('networking.k8s.io', 'ingresses');
    expect(said([term('extensions', 'ingresses')], ingresses)).toBe('Named ingresses.extensions');
    expect(said([term('extensions', '*')], ingresses)).toBe('Globbed *.extensions');
  });

  test('and by one where the server has only that', () => {
    const ingresses = resource('networking.k8s.io', 'ingresses');
    expect(said([term('extensions', 'ingresses')], ingresses, [ingresses])).toBe('None');
    expect(said([term('extensions', '*')], ingresses, [ingresses])).toBe('None');
  });
});

describe('entries of exclude', () => {
  test.each<[string, ResourceTerm, ScopedResource, boolean]>([
    ['a name', term('', 'configmaps'), resource('', 'configmaps'), true],
    ['another name', term('', 'configmaps'), resource('', 'pods'), false],
    ['a glob', term('*.acme.io', '*'), resource('a.acme.io', 'widgets'), true],
    ['a scope', term('*', '*', 'Cluster'), resource('', 'pods'), false],
    ['what globs of match leave out is excluded by a glob', term('', '*'), resource('', 'secrets'), true],
  ])('%s', (_, entry, asked, expected) => {
    expect(anyTerm([term('none.io', 'none'), entry])(asked)).toBe(expected);
  });
});

const regex = (glob: string) => new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll(/\*+/g, '.*')}$`);

test('globs fit what the same regular expression fits, over the whole of group and plural', () => {
  const piece = fc.constantFrom('a', 'b', '*', '**', 'ab');
  const pattern = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));
  const dotted = fc.array(pattern, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'));
  const plural = fc.stringMatching(/^[ab]{1,5}$/);
  const group = fc.array(plural, { maxLength: 3 }).map((parts) => parts.join('.'));
  fc.assert(
    fc.property(dotted, pattern, group, plural, (groups, resources, ofGroup, ofResource) => {
      const expected = regex(groups).test(ofGroup) && regex(resources).test(ofResource);
      expect(anyTerm([term(groups, resources)])(resource(ofGroup, ofResource))).toBe(expected);
      expect(said([term(groups, resources)], resource(ofGroup, ofResource)) !== 'None').toBe(expected);
    }),
    { numRuns: 500 },
  );
});
