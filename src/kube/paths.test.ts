import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { outcomeOf } from '../../test/support/outcome.ts';
import { ApiError } from './errors.ts';
import { collectionPath, objectPath, statusPath } from './paths.ts';

const deployments = { group: 'apps', version: 'v1', resource: 'deployments' };
const configMaps = { group: '', version: 'v1', resource: 'configmaps' };

describe('paths', () => {
  test('the core group lives below /api, all others below /apis', () => {
    expect(collectionPath(configMaps)).toBe('/api/v1/configmaps');
    expect(collectionPath(deployments)).toBe('/apis/apps/v1/deployments');
  });

  test('a namespace narrows a collection, an empty one does not', () => {
    expect(collectionPath(deployments, 'team-a')).toBe('/apis/apps/v1/namespaces/team-a/deployments');
    expect(collectionPath(deployments, '')).toBe('/apis/apps/v1/deployments');
  });

  test('an object and its status', () => {
    expect(objectPath(configMaps, 'a', 'b')).toBe('/api/v1/namespaces/a/configmaps/b');
    expect(objectPath({ group: '', version: 'v1', resource: 'nodes' }, '', 'n')).toBe('/api/v1/nodes/n');
    expect(statusPath(deployments, 'a', 'b')).toBe('/apis/apps/v1/namespaces/a/deployments/b/status');
  });

  test('names that need it are encoded', () => {
    const roles = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterroles' };
    expect(objectPath(roles, '', 'system:node?x#y%2F z')).toBe(
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode%3Fx%23y%252F%20z',
    );
  });

  test.each(['.', '..', 'a/b', 'a\\b', 'a\nb', '\u0000', '\u007f', '\ud800'])(
    '%j is refused wherever it stands',
    (bad) => {
      expect(() => objectPath(configMaps, 'a', bad)).toThrow(ApiError);
      expect(() => collectionPath(configMaps, bad)).toThrow(ApiError);
      expect(() => collectionPath({ ...deployments, group: bad })).toThrow(ApiError);
      expect(() => collectionPath({ ...deployments, version: bad })).toThrow(ApiError);
      expect(() => collectionPath({ ...deployments, resource: bad })).toThrow(ApiError);
    },
  );

  test('an object needs a name', () => {
    expect(() => objectPath(configMaps, 'a', '')).toThrow('"" cannot be part of a path');
  });

  test('whatever is accepted stays one segment that decodes to itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const outcome = outcomeOf(() => objectPath(configMaps, 'ns', name));
        expect(['Fine', 'BadRequest']).toContain(outcome);
        if (outcome !== 'Fine') return;
        const segments = new URL(objectPath(configMaps, 'ns', name), 'https://host').pathname.split('/');
        expect(segments.slice(0, -1)).toEqual(['', 'api', 'v1', 'namespaces', 'ns', 'configmaps']);
        expect(decodeURIComponent(segments.at(-1) ?? '')).toBe(name);
      }),
    );
  });
});
