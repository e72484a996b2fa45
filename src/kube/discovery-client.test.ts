import { describe, expect, test } from 'vitest';
import { lastOf, type ScriptedAnswer, ScriptedKubeClient } from '../../test/support/scripted-kube-client.ts';
import { DiscoveryClient } from './discovery-client.ts';
import { ApiError } from './errors.ts';

const signal = new AbortController().signal;
const VERBS = ['get', 'list', 'patch', 'watch'];

interface SampleVersion {
  readonly version: string;
  readonly freshness?: 'Current' | 'Stale';
  readonly resources?: readonly object[];
}

const resource = (plural: string, kind: string, scope = 'Namespaced', verbs = VERBS) => ({
  resource: plural,
  responseKind: { group: '', version: '', kind },
  scope,
  singularResource: plural.slice(0, -1),
  verbs,
  subresources: [{ subresource: 'status', responseKind: { kind }, verbs: ['get'] }],
});

const core = [
  { versions: [{ version: 'v1', resources: [resource('pods', 'Pod'), resource('nodes', 'Node', 'Cluster')] }] },
];
const apps = (versions: readonly SampleVersion[]) => ({ metadata: { name: 'apps' }, versions });
const appsV1 = apps([{ version: 'v1', resources: [resource('deployments', 'Deployment')] }]);

/** A server whose two documents the test may exchange; it knows ETags. */
class Server {
  core: readonly object[] = core;
  named: readonly object[] = [appsV1];
  failure: ApiError | undefined;
  readonly client = new ScriptedKubeClient((request) => this.failure ?? this.#answer(request.path, request.headers));
  readonly discovery = new DiscoveryClient(this.client);

  #answer(path: string, headers: Readonly<Record<string, string>> = {}): ScriptedAnswer {
    const items = path === '/api' ? this.core : this.named;
    const body = JSON.stringify({
      kind: 'APIGroupDiscoveryList',
      apiVersion: 'apidiscovery.k8s.io/v2',
      metadata: {},
      items,
    });
    const etag = `"${Buffer.from(body).toString('base64')}"`;
    return headers['if-none-match'] === etag ? { status: 304, headers: { etag } } : { headers: { etag }, body };
  }
}

describe('DiscoveryClient', () => {
  test('knows nothing before the first refresh', () => {
    expect(new Server().discovery.snapshot.size).toBe(0);
  });

  test('gathers what the core group and all others serve, without subresources', async () => {
    const { discovery, client } = new Server();
    const snapshot = await discovery.refresh(signal);
    expect([...snapshot.keys()].toSorted()).toEqual(['deployments.apps', 'nodes', 'pods']);
    expect(snapshot.get('nodes')).toEqual({
      group: '',
      resource: 'nodes',
      versions: [{ version: 'v1', kind: 'Node', scope: 'Cluster', verbs: VERBS }],
      stale: false,
    });
    expect(snapshot.get('deployments.apps')).toMatchObject({
      group: 'apps',
      versions: [{ kind: 'Deployment', scope: 'Namespaced' }],
    });
    expect(discovery.snapshot).toBe(snapshot);
    expect(client.requests.map(({ path }) => path).toSorted()).toEqual(['/api', '/apis']);
    expect(lastOf(client.requests).accept).toBe('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
  });

  test('keeps the order of versions that the server prefers', async () => {
    const server = new Server();
    server.named = [
      apps(['v2', 'v1', 'v1beta1'].map((version) => ({ version, resources: [resource('deployments', 'Deployment')] }))),
    ];
    const snapshot = await server.discovery.refresh(signal);
    expect(snapshot.get('deployments.apps')?.versions.map(({ version }) => version)).toEqual(['v2', 'v1', 'v1beta1']);
  });

  test('leaves out a parent that stands there for its subresources only', async () => {
    const server = new Server();
    server.named = [
      apps([
        { version: 'v1', resources: [{ resource: 'ghosts', scope: 'Namespaced', verbs: null, subresources: [] }] },
      ]),
    ];
    const snapshot = await server.discovery.refresh(signal);
    expect(snapshot.has('ghosts.apps')).toBe(false);
  });

  test('asks with the ETags, and keeps the very snapshot when nothing changed', async () => {
    const { discovery, client } = new Server();
    const snapshot = await discovery.refresh(signal);
    expect(await discovery.refresh(signal)).toBe(snapshot);
    expect(client.requests[2]?.headers?.['if-none-match']).toMatch(/^".+"$/u);
    expect(client.requests[3]?.headers?.['if-none-match']).not.toBe(client.requests[2]?.headers?.['if-none-match']);
  });

  test('keeps the very snapshot also when only what nobody reads changed', async () => {
    const server = new Server();
    const snapshot = await server.discovery.refresh(signal);
    server.named = [
      apps([{ version: 'v1', resources: [{ ...resource('deployments', 'Deployment'), categories: ['all'] }] }]),
    ];
    expect(await server.discovery.refresh(signal)).toBe(snapshot);
  });

  test.each([
    ['a kind', resource('deployments', 'Other')],
    ['a scope', resource('deployments', 'Deployment', 'Cluster')],
    ['verbs', resource('deployments', 'Deployment', 'Namespaced', ['list'])],
    ['a name', resource('others', 'Deployment')],
  ])('a change of %s makes a new snapshot, in which the rest stays the same', async (_what, changed) => {
    const server = new Server();
    const before = await server.discovery.refresh(signal);
    server.named = [apps([{ version: 'v1', resources: [changed] }])];
    const after = await server.discovery.refresh(signal);
    expect(after).not.toBe(before);
    expect(after.get('pods')).toBe(before.get('pods'));
    expect(before.get('deployments.apps')).toMatchObject({ versions: [{ kind: 'Deployment', verbs: VERBS }] });
  });

  test('what is not served any more is gone', async () => {
    const server = new Server();
    await server.discovery.refresh(signal);
    server.named = [];
    expect([...(await server.discovery.refresh(signal)).keys()].toSorted()).toEqual(['nodes', 'pods']);
  });

  test('row 48: a stale version keeps what was known, through several refreshes, and says so', async () => {
    const server = new Server();
    server.named = [apps([{ version: 'v1', resources: [resource('deployments', 'Deployment')] }])];
    await server.discovery.refresh(signal);
    for (const description of ['first', 'second']) {
      server.named = [{ ...apps([{ version: 'v1', freshness: 'Stale' }]), description }];
      const snapshot = await server.discovery.refresh(signal);
      expect(snapshot.get('deployments.apps')).toMatchObject({
        stale: true,
        versions: [{ kind: 'Deployment', verbs: VERBS }],
      });
      expect(snapshot.staleGroups).toEqual(new Set(['apps']));
    }
    server.named = [apps([{ version: 'v1', freshness: 'Current' }])];
    expect((await server.discovery.refresh(signal)).has('deployments.apps')).toBe(false);
  });

  test('a group that comes and is stale from the start is a change, although nothing is known of it', async () => {
    const server = new Server();
    const before = await server.discovery.refresh(signal);
    server.named = [appsV1, { metadata: { name: 'late.io' }, versions: [{ version: 'v1', freshness: 'Stale' }] }];
    const after = await server.discovery.refresh(signal);
    expect([after === before, after.staleGroups]).toEqual([false, new Set(['late.io'])]);
    server.named = [appsV1];
    expect((await server.discovery.refresh(signal)).staleGroups).toEqual(new Set());
  });

  test('a stale version of which nothing was known counts as what it says', async () => {
    const server = new Server();
    server.named = [apps([{ version: 'v1', freshness: 'Stale', resources: [resource('deployments', 'Deployment')] }])];
    const snapshot = await server.discovery.refresh(signal);
    expect(snapshot.get('deployments.apps')).toMatchObject({ stale: true });
  });

  test('row 48: a refresh that fails changes nothing, and the next one works', async () => {
    const server = new Server();
    const snapshot = await server.discovery.refresh(signal);
    server.named = [];
    server.failure = new ApiError({ code: 'Unavailable', status: 503, reason: '', message: 'not now' });
    await expect(server.discovery.refresh(signal)).rejects.toMatchObject({ code: 'Unavailable' });
    expect(server.discovery.snapshot).toBe(snapshot);
    server.failure = undefined;
    expect((await server.discovery.refresh(signal)).size).toBe(2);
  });

  test('who asks while a refresh runs gets one that began later', async () => {
    const server = new Server();
    const first = server.discovery.refresh(signal);
    server.named = [];
    const [second, third] = [server.discovery.refresh(signal), server.discovery.refresh(signal)];
    expect((await first).has('deployments.apps')).toBe(true);
    expect((await second).has('deployments.apps')).toBe(false);
    expect(await third).toBe(await second);
    expect(server.client.requests).toHaveLength(4);
  });

  test.each([
    ['a page of a gateway', '<html>', 'not JSON'],
    ['discovery of old', '{"kind":"APIVersions","versions":["v1"]}', 'aggregated discovery'],
    ['a wrong type', '{"kind":"APIGroupDiscoveryList","items":{}}', 'malformed discovery'],
    [
      'an unknown scope',
      JSON.stringify({
        kind: 'APIGroupDiscoveryList',
        items: [apps([{ version: 'v1', resources: [resource('a', 'A', 'Galaxy')] }])],
      }),
      'unknown scope',
    ],
  ])('%s is a BadResponse', async (_what, body, message) => {
    const refreshing = new DiscoveryClient(new ScriptedKubeClient(() => ({ body }))).refresh(signal);
    await expect(refreshing).rejects.toMatchObject({ code: 'BadResponse' });
    await expect(refreshing).rejects.toThrow(message);
  });
});
