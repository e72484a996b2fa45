import { describe, expect, test } from 'vitest';
import { lastOf, ScriptedKubeClient } from '../../test/support/scripted-kube-client.ts';
import { readFieldOwners } from './field-owners.ts';

const signal = new AbortController().signal;
const DEPLOYMENTS = { group: 'apps', version: 'v1', resource: 'deployments' };
const WEB = { namespace: 'shop', name: 'web' };

const entry = (manager: string, labels: readonly string[], annotations: readonly string[] = []) => ({
  manager,
  operation: 'Update',
  fieldsType: 'FieldsV1',
  fieldsV1: {
    'f:metadata': {
      'f:labels': Object.fromEntries(labels.map((key) => [`f:${key}`, {}])),
      'f:annotations': Object.fromEntries(annotations.map((key) => [`f:${key}`, {}])),
    },
  },
});

function answering(...objects: readonly object[]): ScriptedKubeClient {
  const items = objects.map((metadata) => ({ metadata }));
  return new ScriptedKubeClient(() => ({ body: JSON.stringify({ kind: 'PartialObjectMetadataList', items }) }));
}

describe('who owns the keys of an object', () => {
  test('is read from its metadata alone, as JSON', async () => {
    const managedFields = [entry('gitops', ['team'], ['note']), entry('kubectl', ['tier', 'team'])];
    const client = answering({ name: 'web', uid: 'u1', managedFields });
    expect(await readFieldOwners(client, DEPLOYMENTS, WEB, signal)).toEqual({
      uid: 'u1',
      owners: [
        { manager: 'gitops', keys: { labels: ['team'], annotations: ['note'] } },
        { manager: 'kubectl', keys: { labels: ['team', 'tier'], annotations: [] } },
      ],
    });
    const { method, path, query, accept } = lastOf(client.requests);
    expect([method, path]).toEqual(['GET', '/apis/apps/v1/namespaces/shop/deployments']);
    expect(query).toEqual({ fieldSelector: 'metadata.name=web', limit: '1' });
    expect(accept).toBe('application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json');
  });

  test('is nobody where there is no record of it, or one that is none', async () => {
    expect(await readFieldOwners(answering({ name: 'web', uid: 'u1' }), DEPLOYMENTS, WEB, signal)).toEqual({
      uid: 'u1',
      owners: [],
    });
    const client = answering({
      name: 'web',
      uid: 'u1',
      managedFields: [7, { manager: 7 }, { manager: 'x', fieldsV1: { a: 1 } }],
    });
    const { owners } = await readFieldOwners(client, DEPLOYMENTS, WEB, signal);
    expect(owners).toEqual([{ manager: 'x', keys: { labels: [], annotations: [] } }]);
  });

  test.each([
    ['is gone', []],
    ['is not the one that came', [{ name: 'other', uid: 'u2', managedFields: [entry('gitops', ['team'])] }]],
  ])('is nobody where the object %s', async (_what, objects) => {
    expect(await readFieldOwners(answering(...objects), DEPLOYMENTS, WEB, signal)).toEqual({ uid: '', owners: [] });
  });

  test('is asked for names that a selector would take apart', async () => {
    const client = answering();
    await readFieldOwners(client, DEPLOYMENTS, { namespace: '', name: 'a=b,c\\d' }, signal);
    expect(lastOf(client.requests).query?.['fieldSelector']).toBe('metadata.name=a\\=b\\,c\\\\d');
  });
});
