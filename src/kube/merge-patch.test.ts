import { describe, expect, test } from 'vitest';
import { protobufAnswer } from '../../test/support/kube-encodings.ts';
import { lastOf, ScriptedKubeClient } from '../../test/support/scripted-kube-client.ts';
import { refuseReason } from './door-rules.ts';
import { ApiError } from './errors.ts';
import { mergePatchMetadata } from './merge-patch.ts';

const target = {
  gvr: { group: 'apps', version: 'v1', resource: 'deployments' },
  namespace: 'a',
  name: 'web',
  uid: 'u-1',
  labels: { team: 'x', legacy: null },
  annotations: {},
  fieldManager: 'watchkeeper',
  signal: new AbortController().signal,
};
const metadata = JSON.stringify({ metadata: { name: 'web', resourceVersion: '8' } });
const answering = () => new ScriptedKubeClient(() => ({ body: metadata }));

function bodyOf(client: ScriptedKubeClient): unknown {
  return JSON.parse(String(lastOf(client.requests).body));
}

describe('mergePatchMetadata', () => {
  test('names single keys of the object of this uid, and the door lets it through', async () => {
    const client = answering();
    await mergePatchMetadata(client, target);
    const request = lastOf(client.requests);
    expect(request).toMatchObject({
      method: 'PATCH',
      path: '/apis/apps/v1/namespaces/a/deployments/web',
      query: { fieldManager: 'watchkeeper' },
      contentType: 'application/merge-patch+json',
    });
    expect(bodyOf(client)).toEqual({ metadata: { uid: 'u-1', labels: { team: 'x', legacy: null } } });
    expect(refuseReason(request, undefined)).toBeUndefined();
  });

  test('a map without keys is left out: it would say nothing, and null would empty it', async () => {
    const client = answering();
    await mergePatchMetadata(client, { ...target, labels: {}, annotations: { note: null } });
    expect(bodyOf(client)).toEqual({ metadata: { uid: 'u-1', annotations: { note: null } } });
  });

  test('may insist on a resourceVersion', async () => {
    const client = answering();
    await mergePatchMetadata(client, { ...target, resourceVersion: '7' });
    expect(bodyOf(client)).toMatchObject({ metadata: { resourceVersion: '7' } });
  });

  test('gives the object as it is now, in either encoding', async () => {
    expect(await mergePatchMetadata(answering(), target)).toMatchObject({ name: 'web', resourceVersion: '8' });
    const protobuf = new ScriptedKubeClient(() => ({
      headers: { 'content-type': 'application/vnd.kubernetes.protobuf' },
      body: protobufAnswer({ name: 'web', resourceVersion: '9' }),
    }));
    expect(await mergePatchMetadata(protobuf, target)).toMatchObject({ name: 'web', resourceVersion: '9' });
  });

  test('a refusal is the error of the answer', async () => {
    const client = new ScriptedKubeClient(
      () => new ApiError({ code: 'NotFound', status: 404, reason: 'NotFound', message: 'not found' }),
    );
    await expect(mergePatchMetadata(client, target)).rejects.toMatchObject({ code: 'NotFound' });
  });
});
