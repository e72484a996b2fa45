import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Admin, createAdmin } from '../cluster/api.ts';
import type { ClusterHandle } from '../cluster/cluster-handle.ts';
import { eventually } from '../cluster/eventually.ts';
import { at } from '../cluster/kube-object.ts';
import { readKubeconfig } from '../cluster/kubeconfig.ts';
import { sharedControlPlane } from '../cluster/shared.ts';
import type { EventFault } from './event-faults.ts';
import {
  type Fate,
  FaultProxy,
  GO_AWAY,
  GONE,
  LOSE_ANSWER,
  PASS,
  type ProxiedRequest,
  REFUSE_BEFORE,
  REFUSE_STREAM,
} from './proxy.ts';

let cluster: ClusterHandle;
let admin: Admin;
let proxy: FaultProxy;
let session: ClientHttp2Session;
let authorization: string;
let namespace: string;

beforeAll(async () => {
  cluster = await sharedControlPlane();
  admin = await createAdmin(cluster);
  namespace = await admin.createNamespace('proxy');
  const robot = { name: 'robot', namespace };
  await admin.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: robot });
  await admin.create({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'robot', namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', ...robot }],
  });
  proxy = await FaultProxy.start(cluster);
  const access = await readKubeconfig(await proxy.kubeconfigFor(robot));
  authorization = `Bearer ${access.token}`;
  session = connect(access.url, { ca: access.caPem });
  // The rights are seen a moment after they were given.
  await eventually(
    'the robot',
    async () => call('GET', configMaps()),
    ({ status }) => status === 200,
  );
});

beforeEach(async () => {
  const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'a' }, data: { k: 'old' } };
  await admin.apply(manifest, { force: true });
});

afterEach(() => proxy.clear());

afterAll(async () => {
  session?.destroy();
  await proxy?.close();
  admin?.close();
});

describe('the fault proxy', () => {
  test('passes requests, identities and answers on', async () => {
    expect(await call('GET', `${configMaps()}/a`)).toMatchObject({
      status: 200,
      body: expect.stringContaining('"old"'),
    });
    expect(await patch('new')).toMatchObject({ status: 200 });
    expect(await valueOf()).toBe('new');
    expect(await call('GET', '/api/v1/nodes')).toMatchObject({ status: 403, body: expect.stringContaining('robot') });
  });

  test('answers in place of the server, which hears of nothing', async () => {
    proxy.use(({ write }) =>
      write === 1 ? { kind: 'Answer', status: 503, retryAfter: 7, body: 'too much to do' } : PASS,
    );
    expect(await patch('new')).toMatchObject({ status: 503, body: 'too much to do' });
    expect(await valueOf()).toBe('old');
    expect(await patch('new')).toMatchObject({ status: 200 });
  });

  test('passes the events of a watch on as they come, and ends it when the client does', async () => {
    const path = `/api/v1/namespaces/${namespace}/podtemplates`;
    const stream = request('GET', `${path}?watch=true&fieldSelector=metadata.name%3Dlive`);
    const lines = createInterface({ input: stream })[Symbol.asyncIterator]();
    const template = { spec: { containers: [{ name: 'app', image: 'app' }] } };
    for (const word of ['first', 'second']) {
      const metadata = { namespace, name: 'live', annotations: { word } };
      await admin.apply({ apiVersion: 'v1', kind: 'PodTemplate', metadata, template });
      expect((await lines.next()).value).toContain(word);
    }
    expect(await openWatches()).toBe(1);
    stream.close();
    await eventually('watches', openWatches, (count) => count === 0);
  });

  test.each(['application/json', 'application/vnd.kubernetes.protobuf'])(
    'knows the events of a watch in %s, and passes on what a fault sends, in the very bytes of the server',
    async (accept) => {
      const name = `seen-${accept.length}`;
      const seen: string[] = [];
      const fieldSelector = `metadata.name=${name}`;
      const events: EventFault = (event, send, watch) => {
        // Another watch may still be open, and hear of what the test before changed.
        if (watch.query.get('fieldSelector') !== fieldSelector) return send(event);
        seen.push(`${event.type} ${event.key} ${event.uid}`);
        if (event.type !== 'MODIFIED') send(event);
      };
      proxy.useEvents(events);
      const as = accept.includes('json') ? accept : `${accept};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
      const query = new URLSearchParams({ watch: 'true', fieldSelector });
      const stream = request('GET', `${configMaps()}?${query.toString()}`, undefined, as);
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      // From here on it misses nothing.
      await once(stream, 'response');
      const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name } };
      const { metadata } = await admin.create(manifest);
      await admin.apply({ ...manifest, data: { word: 'second' } }, { force: true });
      await admin.delete(`${configMaps()}/${name}`);
      const key = `${namespace}/${name} ${metadata.uid}`;
      await expect.poll(() => seen).toEqual([`ADDED ${key}`, `MODIFIED ${key}`, `DELETED ${key}`]);
      await expect.poll(() => Buffer.concat(chunks).toString('latin1')).toContain('DELETED');
      const text = Buffer.concat(chunks).toString('latin1');
      expect(text).toContain('ADDED');
      expect(text).not.toContain('MODIFIED');
      stream.close();
    },
  );

  test('refuses a request before the server sees it', async () => {
    proxy.use(({ write }) => (write === undefined ? PASS : REFUSE_BEFORE));
    await expect(patch('new')).rejects.toThrow('NGHTTP2_INTERNAL_ERROR');
    expect(await valueOf()).toBe('old');
    expect(await call('GET', `${configMaps()}/a`)).toMatchObject({ status: 200 });
  });

  test('loses the answer to a request that the server has carried out', async () => {
    proxy.use(() => LOSE_ANSWER);
    await expect(patch('new')).rejects.toThrow('NGHTTP2_INTERNAL_ERROR');
    expect(await valueOf()).toBe('new');
  });

  test('tells what the lost answer was, and resets the stream only when whoever it told is done', async () => {
    const told = Promise.withResolvers<number>();
    const done = Promise.withResolvers<void>();
    const answered = (status: number) => {
      told.resolve(status);
      return done.promise;
    };
    proxy.use(({ write }) => (write === undefined ? PASS : { kind: 'LoseAnswer', answered }));
    let isReset = false;
    const pending = patch('new').finally(() => {
      isReset = true;
    });
    expect(await told.promise).toBe(200);
    // On the same connection: a reset would have come first.
    await call('GET', configMaps());
    expect(isReset).toBe(false);
    done.resolve();
    await expect(pending).rejects.toThrow('NGHTTP2_INTERNAL_ERROR');
    expect(await valueOf()).toBe('new');
  });

  test('holds a request until it is told what to do with it', async () => {
    const released = Promise.withResolvers<Fate>();
    proxy.use(({ method }) => (method === 'PATCH' ? released.promise : PASS));
    const pending = patch('new');
    expect(await call('GET', `${configMaps()}/a`)).toMatchObject({ status: 200 });
    expect(await valueOf()).toBe('old');
    released.resolve(PASS);
    expect(await pending).toMatchObject({ status: 200 });
    expect(await valueOf()).toBe('new');
  });

  test('sends nothing on of a request that its client gave up while it was held', async () => {
    const released = Promise.withResolvers<Fate>();
    proxy.use(({ method }) => (method === 'DELETE' ? released.promise : PASS));
    const stream = request('DELETE', `${configMaps()}/a`);
    stream.close();
    await once(stream, 'close');
    // Later on the same connection, so the proxy knows of the end when this is answered.
    await call('GET', configMaps());
    released.resolve(PASS);
    expect(await patch('new')).toMatchObject({ status: 200 });
    expect(await valueOf()).toBe('new');
  });

  test('ends all connections, and takes new ones', async () => {
    const access = await readKubeconfig(await proxy.kubeconfigFor({ name: 'robot', namespace }));
    const client = connect(proxy.url, { ca: access.caPem });
    const ended = Promise.all([once(client, 'close'), once(session, 'close')]);
    await once(client, 'remoteSettings');
    proxy.disconnect();
    await ended;
    session = connect(proxy.url, { ca: access.caPem });
    expect(await call('GET', configMaps())).toMatchObject({ status: 200 });
  });

  test('says that it has not looked at a request, and that it will look at no more of a connection', async () => {
    proxy.use(() => REFUSE_STREAM);
    await expect(patch('new')).rejects.toThrow('NGHTTP2_REFUSED_STREAM');
    proxy.use(({ method }) => (method === 'PATCH' ? GO_AWAY : PASS));
    const watch = request('GET', `${configMaps()}?watch=true&fieldSelector=metadata.name%3Da`);
    const lines = createInterface({ input: watch })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toContain('old');
    const left = once(session, 'goaway');
    await expect(patch('new')).rejects.toThrow('NGHTTP2_REFUSED_STREAM');
    expect((await left).slice(0, 2)).toEqual([0, watch.id]);
    // What it had looked at goes on.
    await admin.patch(`${configMaps()}/a`, { data: { k: 'other' } });
    expect((await lines.next()).value).toContain('other');
    watch.close();
    session.destroy();
    session = connect(proxy.url, { ca: cluster.caPem });
  });

  test('refuses as the API server does, with a Status', async () => {
    proxy.use(() => GONE);
    expect(await call('GET', configMaps())).toMatchObject({
      status: 410,
      body: expect.stringContaining('"reason":"Expired"'),
    });
  });

  test('cuts answers short, with or without saying so, and gives them another type', async () => {
    proxy.use(() => ({ kind: 'Truncate', bytes: 10, end: 'Clean' }));
    expect(await call('GET', `${configMaps()}/a`)).toEqual({ status: 200, body: '{"kind":"C' });
    proxy.use(() => ({ kind: 'Truncate', bytes: 10, end: 'Reset' }));
    await expect(call('GET', `${configMaps()}/a`)).rejects.toThrow('NGHTTP2_INTERNAL_ERROR');
    proxy.use(() => ({ kind: 'Mislabel', contentType: 'text/html' }));
    const stream = request('GET', `${configMaps()}/a`);
    expect(await once(stream, 'response')).toContainEqual(expect.objectContaining({ 'content-type': 'text/html' }));
    stream.close();
  });

  test('counts requests, and writes among them, since the fault was put in', async () => {
    const seen: ProxiedRequest[] = [];
    proxy.use((seenNow) => {
      seen.push(seenNow);
      return PASS;
    });
    await call('GET', `${configMaps()}/a`);
    await patch('new');
    await call('GET', `${configMaps()}?limit=1`);
    await patch('newer');
    expect(seen.map(({ method, path, index, write }) => [method, path, index, write])).toEqual([
      ['GET', `${configMaps()}/a`, 1, undefined],
      ['PATCH', `${configMaps()}/a`, 2, 1],
      ['GET', configMaps(), 3, undefined],
      ['PATCH', `${configMaps()}/a`, 4, 2],
    ]);
    expect(seen[2]?.query.get('limit')).toBe('1');
  });
});

function configMaps(): string {
  return `/api/v1/namespaces/${namespace}/configmaps`;
}

async function valueOf(): Promise<unknown> {
  return at(await admin.get(`${configMaps()}/a`), 'data', 'k');
}

async function patch(value: string) {
  return call('PATCH', `${configMaps()}/a`, JSON.stringify({ data: { k: value } }));
}

function request(method: string, path: string, body?: string, accept = '*/*'): ClientHttp2Stream {
  const type = { 'content-type': 'application/merge-patch+json' };
  const headers = { ':method': method, ':path': path, authorization, accept, ...type };
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  stream.on('error', () => {});
  return stream;
}

/** Rejects when the stream is reset. */
async function call(method: string, path: string, body?: string) {
  const stream = request(method, path, body);
  let status = 0;
  stream.on('response', (headers) => {
    status = headers[':status'] ?? 0;
  });
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status, body: Buffer.concat(chunks).toString('utf8') };
}

/** Of single PodTemplates, which nobody else watches, by the API server's own count. */
async function openWatches(): Promise<number> {
  return (await cluster.metrics())
    .split('\n')
    .filter((line) =>
      /^apiserver_longrunning_requests\{.*resource="podtemplates",scope="resource".*verb="WATCH"/.test(line),
    )
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}
