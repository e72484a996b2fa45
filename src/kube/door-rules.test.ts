import { describe, expect, test } from 'vitest';
import { type DoorRequest, isExclusive, refuseReason } from './door-rules.ts';

const OWN = 'watchkeeper-system';
const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';
const POLICY_STATUS = '/apis/watchkeeper.dev/v1alpha1/watchpolicies/p/status';

const judge = (request: DoorRequest, own: string | undefined = OWN) => refuseReason(request, own);
const get = (path: string): DoorRequest => ({ method: 'GET', path });
const post = (path: string): DoorRequest => ({ method: 'POST', path, body: '{}' });
const patchText = (path: string, body: string, contentType: string): DoorRequest => ({
  method: 'PATCH',
  path,
  query: { fieldManager: 'watchkeeper', force: 'true' },
  contentType,
  body,
});
const patch = (path: string, document: unknown, contentType = APPLY): DoorRequest =>
  patchText(path, JSON.stringify(document), contentType);

const POD = '/api/v1/namespaces/a/pods/p';
const labels = { team: 'a' };
const pod = (metadata: object, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'a', uid: 'u', ...metadata },
  ...more,
});

const LEASES = `/apis/coordination.k8s.io/v1/namespaces/${OWN}/leases`;
const LEASE = `${LEASES}/watchkeeper`;
const OUR_EVENT = '/apis/events.k8s.io/v1/namespaces/a/events/web.watchkeeper-18c2f';

describe('what passes', () => {
  const table: readonly (readonly [string, DoorRequest])[] = [
    ['a list', get('/api/v1/pods')],
    ['a list of a custom kind', get('/apis/example.com/v1beta1/namespaces/a/widgets')],
    ['one object', get(POD)],
    ['a name with a colon and two dots', get('/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a..b')],
    ['a name that needed encoding', get('/apis/rbac.authorization.k8s.io/v1/clusterroles/a%20b')],
    ['discovery', get('/apis')],
    ['the version', get('/version')],
    ['a schema', get('/openapi/v3/apis/apps/v1')],
    ['readiness', get('/readyz')],
    ['a review of our own rights', post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews')],
    ['our own ConfigMap, new', post(`/api/v1/namespaces/${OWN}/configmaps`)],
    ['an event', post('/apis/events.k8s.io/v1/namespaces/a/events')],
    ['the series of an event of ours', patch(OUR_EVENT, { series: { count: 2 } }, MERGE)],
    ['labels by apply', patch(POD, pod({ labels }))],
    ['annotations by apply', patch(POD, pod({ annotations: { a: 'b' } }))],
    ['an apply that lets go of all keys', patch(POD, pod({}))],
    ['keys that are retained', { ...patch(POD, pod({ labels })), query: { fieldManager: 'watchkeeper-retained' } }],
    ['a body as bytes', { ...patch(POD, {}), body: Buffer.from(JSON.stringify(pod({ labels }))) }],
    ['an object at a resourceVersion', patch(POD, pod({ labels, resourceVersion: '7' }))],
    ['a label of a Namespace', patch('/api/v1/namespaces/a', pod({ labels }))],
    ['a key taken away by merge patch', patch(POD, { metadata: { uid: 'u', labels: { team: null } } }, MERGE)],
    ['our own ConfigMap, whole', patch(`/api/v1/namespaces/${OWN}/configmaps/ledger`, { data: { a: 'b' } })],
    ['the status of a policy', patch(POLICY_STATUS, { status: { observedGeneration: 1 } })],
    ['the status of a policy by merge patch', patch(POLICY_STATUS, { status: {} }, MERGE)],
    ['our Lease, new', { ...post(LEASES), body: JSON.stringify({ metadata: { name: 'watchkeeper' }, spec: {} }) }],
    ['our Lease, at a resourceVersion', patch(LEASE, { metadata: { resourceVersion: '7' }, spec: {} }, MERGE)],
    ['labels of a policy', patch('/apis/watchkeeper.dev/v1alpha1/watchpolicies/p', pod({ labels }))],
  ];
  test.each(table)('%s', (_what, request) => {
    expect(judge(request)).toBeUndefined();
  });
});

describe('what is refused', () => {
  const table: readonly (readonly [string, DoorRequest, string])[] = [
    ['a Lease of another name, new', { ...post(LEASES), body: '{"metadata":{"name":"x"}}' }, 'a Lease other than ours'],
    ['a Lease elsewhere, new', post('/apis/coordination.k8s.io/v1/namespaces/a/leases'), 'our Lease may be created'],
    ['our Lease by apply', patch(LEASE, { spec: {} }), 'by merge patch alone'],
    ['our Lease whatever it is', patch(LEASE, { spec: {} }, MERGE), 'at a resourceVersion alone'],
    [
      'a further field of our Lease',
      patch(LEASE, { metadata: { resourceVersion: '7' }, status: {} }, MERGE),
      '"status" of our Lease is never written',
    ],
    [
      'another Lease',
      patch(`${LEASES}/x`, { metadata: { resourceVersion: '7' }, spec: {} }, MERGE),
      'would write "spec"',
    ],
    ['a path outside the API', get('/metrics'), 'outside the API'],
    ['a path that only begins like the API', get('/apiserver'), 'outside the API'],
    ['a path without its slash', get('api/v1/pods'), 'outside the API'],
    ['a path that climbs', get('/api/v1/namespaces/../secrets'), 'climbs'],
    ['a path that climbs encoded', get('/api/v1/namespaces/%2e%2E/secrets'), 'climbs'],
    ['a path that stands still', get('/api/v1/./pods'), 'climbs'],
    ['an empty part', get('/api/v1/namespaces//pods'), 'empty part'],
    ['an encoded slash', get('/api/v1/namespaces/a%2Fpods'), 'must be encoded'],
    ['a query in the path', get('/api/v1/pods?watch=true'), 'must be encoded'],
    ['a fragment', get('/api/v1/pods#'), 'must be encoded'],
    ['a backslash', get('/api/v1\\pods'), 'must be encoded'],
    ['a line break', get('/api/v1/pods\r\nx: y'), 'must be encoded'],
    ['an encoded line break', get('/api/v1/pods%0a'), 'must be encoded'],
    ['a space', get('/api/v1/po ds'), 'must be encoded'],
    ['a letter beyond ASCII', get('/api/v1/pöds'), 'must be encoded'],
    ['a broken escape', get('/api/v1/pods/%zz'), 'badly encoded'],
    ['a read that runs something', get(`${POD}/exec`), 'would run'],
    ['a read through a node', get('/api/v1/nodes/n/proxy/run'), 'would run'],
    ['the identity of another', { ...get(POD), headers: { 'Impersonate-User': 'x' } }, 'Impersonate-User'],
    ['a token of the caller', { ...get(POD), headers: { authorization: 'x' } }, 'authorization'],
    ['a pseudo header', { ...get(POD), headers: { ':path': '/x' } }, ':path'],
    ['a deletion', { method: 'DELETE', path: POD }, 'DELETE is never used'],
    ['a replacement', { method: 'PUT', path: POD, body: '{}' }, 'PUT is never used'],
    ['a new object', post('/api/v1/namespaces/a/pods'), 'may be created'],
    ["somebody else's ConfigMap", post('/api/v1/namespaces/a/configmaps'), 'may be created'],
    ['an eviction', post(`${POD}/eviction`), 'may be created'],
    ['a token', post('/api/v1/namespaces/a/serviceaccounts/s/token'), 'may be created'],
    ['a review for others', post('/apis/authorization.k8s.io/v1/subjectaccessreviews'), 'may be created'],
    ['a post to a path without a resource', post('/version'), 'may be created'],
    ['an event of the older kind', post('/api/v1/namespaces/a/events'), 'may be created'],
    ['an event in no namespace', post('/apis/events.k8s.io/v1/events'), 'may be created'],
    [
      "somebody else's event",
      patch('/apis/events.k8s.io/v1/namespaces/a/events/p.17', { series: {} }, MERGE),
      '"series"',
    ],
    ['the note of an event', patch(OUR_EVENT, { note: 'x', series: {} }, MERGE), '"note"'],
    ['an event without a series', patch(OUR_EVENT, { series: null }, MERGE), 'no series'],
    ['an event by apply', patch(OUR_EVENT, { series: {} }), 'merge patch alone'],
    ['an event that is no object', patch(OUR_EVENT, [], MERGE), 'JSON object'],
    ['a patch of a collection', patch('/api/v1/namespaces/a/pods', pod({ labels })), 'name one object'],
    ['a patch of no resource', patch('/version', pod({ labels })), 'name one object'],
    ['a JSON patch', patch(POD, [], 'application/json-patch+json'), 'never used'],
    ['a strategic merge patch', patch(POD, {}, 'application/strategic-merge-patch+json'), 'never used'],
    ['a patch without a type', { method: 'PATCH', path: POD, body: '{}' }, 'never used'],
    ['a status', patch(`${POD}/status`, pod({ labels })), 'subresource status'],
    ['a scale', patch('/apis/apps/v1/namespaces/a/deployments/d/scale', pod({ labels })), 'subresource scale'],
    ['the end of a Namespace', patch('/api/v1/namespaces/a/finalize', pod({ labels })), 'subresource finalize'],
    ['the status of a Namespace', patch('/api/v1/namespaces/a/status', pod({ labels })), 'subresource status'],
    ['a policy itself', patch('/apis/watchkeeper.dev/v1alpha1/watchpolicies/p', pod({}, { spec: {} })), '"spec"'],
    ['a spec', patch(POD, pod({ labels }, { spec: {} })), '"spec"'],
    ['the data of a Secret', patch('/api/v1/namespaces/a/secrets/s', pod({}, { data: {} })), '"data"'],
    [
      "the data of somebody else's ConfigMap",
      patch('/api/v1/namespaces/a/configmaps/c', pod({}, { data: {} })),
      '"data"',
    ],
    ['finalizers', patch(POD, pod({ finalizers: [] })), 'metadata.finalizers'],
    ['owners', patch(POD, pod({ ownerReferences: [] })), 'metadata.ownerReferences'],
    ['a prototype', patchText(POD, '{"metadata":{"uid":"u"},"__proto__":{"spec":1}}', APPLY), '"__proto__"'],
    ['no uid', patch(POD, pod({ labels, uid: undefined })), 'uid'],
    ['an empty uid', patch(POD, pod({ labels, uid: '' })), 'uid'],
    ['a merge patch without uid', patch(POD, { metadata: { labels } }, MERGE), 'uid'],
    ['all labels of everybody', patch(POD, { metadata: { uid: 'u', labels: null } }, MERGE), 'must be an object'],
    ['a label that is no string', patch(POD, pod({ labels: { a: 1 } })), 'must be strings'],
    ['an annotation that is no string', patch(POD, pod({ annotations: { a: {} } })), 'must be strings'],
    ['a null in an apply', patch(POD, pod({ labels: { a: null } })), 'must be strings'],
    ['no metadata', patch(POD, { kind: 'Pod' }), 'no metadata'],
    ['no body', { ...patch(POD, {}), body: undefined }, 'JSON object'],
    ['YAML', { ...patch(POD, {}), body: 'metadata: {uid: u}' }, 'JSON object'],
    ['a list', patch(POD, [pod({ labels })]), 'JSON object'],
    ['a foreign field manager', { ...patch(POD, pod({ labels })), query: { fieldManager: 'kubectl' } }, 'kubectl'],
    ['no field manager', { ...patch(POD, pod({ labels })), query: {} }, 'not one of ours'],
  ];
  const isRead = ([, { method }]: (typeof table)[number]) => method === 'GET';
  test.each(table.filter((row) => !isRead(row)))('G4, G7: %s', (_what, request, reason) => {
    expect(judge(request)).toContain(reason);
  });
  test.each(table.filter(isRead))('%s', (_what, request, reason) => {
    expect(judge(request)).toContain(reason);
  });

  test('every ConfigMap, where we have no namespace of our own', () => {
    expect(judge(post('/api/v1/namespaces/a/configmaps'), '')).toContain('may be created');
    expect(refuseReason(post('/api/v1/namespaces/a/configmaps'), undefined)).toContain('may be created');
    expect(refuseReason(patch('/api/v1/namespaces/a/configmaps/c', { data: {} }), undefined)).toContain('"data"');
  });
});

test.each<readonly [string, DoorRequest, boolean]>([
  ['a read', get(POD), false],
  ['a review of our rights', post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'), false],
  ['our Lease', patch(LEASE, {}), false],
  ['our Lease, new', post(LEASES), false],
  ['labels', patch(POD, pod({ labels })), true],
  ['a status', patch(POLICY_STATUS, { status: {} }), true],
  ['an Event', post('/apis/events.k8s.io/v1/namespaces/a/events'), true],
  ['our ConfigMap', post(`/api/v1/namespaces/${OWN}/configmaps`), true],
  ['what names no resource', post('/version'), true],
  ['what is badly encoded', post('/api/v1/pods/%'), true],
])('%s needs the Lease: %#', (_what, request, needed) => {
  expect(isExclusive(request, OWN)).toBe(needed);
});
