import { describe, expect, test } from 'vitest';
import { protobufAnswer } from '../../test/support/kube-encodings.ts';
import { lastOf, ScriptedKubeClient } from '../../test/support/scripted-kube-client.ts';
import { reviewSelfAccess } from './access-review.ts';
import { applyMetadata, applyStatus } from './apply.ts';
import { applyConfigMap, readConfigMap } from './config-maps.ts';
import { ApiError } from './errors.ts';
import { writeStatus } from './write-status.ts';

const signal = new AbortController().signal;
const deployments = { group: 'apps', version: 'v1', resource: 'deployments' };
const metadata = JSON.stringify({ metadata: { name: 'web', resourceVersion: '8' } });

const refusal = (code: 'NotFound' | 'Forbidden') =>
  new ScriptedKubeClient(() => new ApiError({ code, status: 0, reason: '', message: code }));

const unableToApply = (message: string) =>
  new ScriptedKubeClient(({ contentType }) =>
    contentType === 'application/apply-patch+yaml'
      ? new ApiError({ code: 'ServerError', status: 500, reason: '', message })
      : { body: metadata },
  );

function bodyOf(client: ScriptedKubeClient): unknown {
  return JSON.parse(String(lastOf(client.requests).body));
}

describe('applyMetadata', () => {
  const target = {
    gvr: deployments,
    kind: 'Deployment',
    namespace: 'a',
    name: 'web',
    uid: 'u-1',
    labels: { team: 'x' },
    annotations: {},
    fieldManager: 'watchkeeper',
    signal,
  };

  test('applies the whole wanted set by force, to the object of this uid and no other', async () => {
    const client = new ScriptedKubeClient(() => ({ body: metadata }));
    await applyMetadata(client, target);
    expect(lastOf(client.requests)).toMatchObject({
      method: 'PATCH',
      path: '/apis/apps/v1/namespaces/a/deployments/web',
      query: { fieldManager: 'watchkeeper', force: 'true' },
      contentType: 'application/apply-patch+yaml',
    });
    expect(bodyOf(client)).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'a', uid: 'u-1', labels: { team: 'x' } },
    });
  });

  test('may insist on a resourceVersion', async () => {
    const client = new ScriptedKubeClient(() => ({ body: metadata }));
    await applyMetadata(client, { ...target, resourceVersion: '7', annotations: { note: 'n' } });
    expect(bodyOf(client)).toMatchObject({ metadata: { resourceVersion: '7', annotations: { note: 'n' } } });
  });

  test('nothing wanted any more is an apply without labels and annotations', async () => {
    const client = new ScriptedKubeClient(() => ({ body: metadata }));
    await applyMetadata(client, {
      ...target,
      gvr: { group: '', version: 'v1', resource: 'nodes' },
      kind: 'Node',
      namespace: '',
      labels: {},
    });
    expect(lastOf(client.requests).path).toBe('/api/v1/nodes/web');
    expect(bodyOf(client)).toEqual({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'web', uid: 'u-1' } });
  });

  test('gives the object as it is now, in either encoding', async () => {
    const json = new ScriptedKubeClient(() => ({ body: metadata }));
    expect(await applyMetadata(json, target)).toMatchObject({ name: 'web', resourceVersion: '8' });
    const protobuf = new ScriptedKubeClient(() => ({
      headers: { 'content-type': 'application/vnd.kubernetes.protobuf' },
      body: protobufAnswer({ name: 'web', resourceVersion: '9' }),
    }));
    expect(await applyMetadata(protobuf, target)).toMatchObject({ name: 'web', resourceVersion: '9' });
  });
});

test('applyStatus writes the status subresource and nothing of the metadata', async () => {
  const client = new ScriptedKubeClient(() => ({ body: metadata }));
  const gvr = { group: 'watchkeeper.dev', version: 'v1alpha1', resource: 'watchpolicies' };
  const status = { observedGeneration: 3 };
  await applyStatus(client, {
    gvr,
    kind: 'WatchPolicy',
    name: 'p',
    uid: 'u-2',
    status,
    fieldManager: 'watchkeeper-status',
    signal,
  });
  expect(lastOf(client.requests)).toMatchObject({
    path: '/apis/watchkeeper.dev/v1alpha1/watchpolicies/p/status',
    query: { fieldManager: 'watchkeeper-status', force: 'true' },
  });
  expect(bodyOf(client)).toEqual({
    apiVersion: 'watchkeeper.dev/v1alpha1',
    kind: 'WatchPolicy',
    metadata: { name: 'p', uid: 'u-2' },
    status,
  });
});

describe('writeStatus', () => {
  const gvr = { group: 'watchkeeper.dev', version: 'v1alpha1', resource: 'watchpolicies' };
  const target = {
    gvr,
    kind: 'WatchPolicy',
    name: 'p',
    uid: 'u-2',
    resourceVersion: '7',
    status: { observedGeneration: 3 },
    fields: ['observedGeneration', 'summary'],
    fieldManager: 'watchkeeper',
    signal,
  };

  test('replaces what does not fit its schema field by field, of the version that was seen', async () => {
    const client = unableToApply('failed to create typed live object: .status.summary: expected map, got &{x}');
    expect(await writeStatus(client, target)).toMatchObject({ resourceVersion: '8' });
    expect(lastOf(client.requests)).toMatchObject({
      path: '/apis/watchkeeper.dev/v1alpha1/watchpolicies/p/status',
      query: { fieldManager: 'watchkeeper' },
      contentType: 'application/merge-patch+json',
    });
    expect(bodyOf(client)).toEqual({
      metadata: { uid: 'u-2', resourceVersion: '7' },
      status: { observedGeneration: 3, summary: null },
    });
  });

  test('is refused like any other write otherwise', async () => {
    const client = unableToApply('etcdserver: request timed out');
    await expect(writeStatus(client, target)).rejects.toThrow('timed out');
    expect(client.requests).toHaveLength(1);
  });
});

describe('ConfigMaps of our own', () => {
  test('are read as data, without what is no string', async () => {
    const body = '{"metadata":{"name":"l","resourceVersion":"7"},"data":{"a":"1","b":2}}';
    const client = new ScriptedKubeClient(() => ({ body }));
    expect(await readConfigMap(client, 'ns', 'l', signal)).toEqual({ resourceVersion: '7', data: { a: '1' } });
    expect(lastOf(client.requests).path).toBe('/api/v1/namespaces/ns/configmaps/l');
    const empty = new ScriptedKubeClient(() => ({ body: '{"metadata":{}}' }));
    expect(await readConfigMap(empty, 'ns', 'l', signal)).toEqual({ resourceVersion: '', data: {} });
  });

  test('that are missing are undefined; other refusals are errors', async () => {
    expect(await readConfigMap(refusal('NotFound'), 'ns', 'l', signal)).toBeUndefined();
    await expect(readConfigMap(refusal('Forbidden'), 'ns', 'l', signal)).rejects.toMatchObject({ code: 'Forbidden' });
  });

  test('are applied whole, without a uid, so that a missing one is created', async () => {
    const client = new ScriptedKubeClient(() => ({ body: metadata }));
    const target = {
      namespace: 'ns',
      name: 'l',
      data: { a: '1' },
      labels: { x: 'y' },
      fieldManager: 'watchkeeper-ledger',
      signal,
    };
    await applyConfigMap(client, target);
    expect(lastOf(client.requests)).toMatchObject({ query: { fieldManager: 'watchkeeper-ledger', force: 'true' } });
    expect(bodyOf(client)).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'l', namespace: 'ns', labels: { x: 'y' } },
      data: { a: '1' },
    });
  });
});

describe('reviewSelfAccess', () => {
  const question = { verb: 'list', group: 'apps', resource: 'deployments', namespace: 'a' };

  test('asks for exactly this right', async () => {
    const client = new ScriptedKubeClient(() => ({
      body: '{"status":{"allowed":true,"reason":"RBAC: allowed by ..."}}',
    }));
    expect(await reviewSelfAccess(client, question, signal)).toEqual({ allowed: true, reason: 'RBAC: allowed by ...' });
    expect(lastOf(client.requests)).toMatchObject({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    });
    expect(bodyOf(client)).toEqual({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: question },
    });
  });

  test('what is not allowed in so many words is denied', async () => {
    const client = new ScriptedKubeClient(() => ({ body: '{"status":{"denied":true}}' }));
    expect(await reviewSelfAccess(client, question, signal)).toEqual({ allowed: false, reason: '' });
  });

  test('an answer without a status is a BadResponse', async () => {
    const client = new ScriptedKubeClient(() => ({ body: '{}' }));
    await expect(reviewSelfAccess(client, question, signal)).rejects.toMatchObject({ code: 'BadResponse' });
  });
});
