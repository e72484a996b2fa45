import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  jsonMetadata,
  protobufAnswer,
  protobufFrame,
  protobufList,
  protobufStatus,
  type SampleMetadata,
} from '../../test/support/kube-encodings.ts';
import { lastOf, ScriptedKubeClient, type ScriptedStream } from '../../test/support/scripted-kube-client.ts';
import { ApiError } from './errors.ts';
import type { WatchEvent, WatchOptions } from './list-watch.ts';
import { createListWatch, type ListWatchTarget } from './list-watch-client.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const PROTOBUF_WATCH = `${PROTOBUF};stream=watch`;
const signal = new AbortController().signal;

const metadata: ListWatchTarget = {
  gvr: { group: 'apps', version: 'v1', resource: 'deployments' },
  representation: { kind: 'Metadata' },
};
const projected: ListWatchTarget = { ...metadata, representation: { kind: 'Projected', fields: ['spec'] } };

const jsonList = (samples: readonly SampleMetadata[]) =>
  JSON.stringify({
    kind: 'DeploymentList',
    metadata: { resourceVersion: '9', continue: 'more' },
    items: samples.map((sample) => ({
      metadata: jsonMetadata(sample),
      spec: { replicas: 2 },
      status: { replicas: 1 },
    })),
  });

const added = (name: string): Buffer => protobufFrame('ADDED', protobufAnswer({ name }));

describe('list', () => {
  test('asks for metadata as protobuf and reads it', async () => {
    const client = new ScriptedKubeClient(() => ({
      headers: { 'content-type': PROTOBUF },
      body: protobufList([{ name: 'a' }, { name: 'b' }], '9', 'more'),
    }));
    const page = await createListWatch(client, { ...metadata, namespace: 'ns' }).list({ limit: 2, signal });
    expect(page.items.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(page).toMatchObject({ resourceVersion: '9', continue: 'more' });
    expect(lastOf(client.requests)).toMatchObject({
      method: 'GET',
      path: '/apis/apps/v1/namespaces/ns/deployments',
      query: { limit: '2', continue: undefined, resourceVersion: undefined },
    });
    expect(lastOf(client.requests).accept).toMatch(
      /^application\/vnd\.kubernetes\.protobuf;as=PartialObjectMetadataList;g=meta\.k8s\.io;v=v1,application\/json;/u,
    );
  });

  test('passes the token of the next page and the resourceVersion on, an empty one not', async () => {
    const client = new ScriptedKubeClient(() => ({ body: jsonList([]) }));
    const { list } = bound(client);
    await list({ continue: 'more', signal });
    expect(lastOf(client.requests).query).toEqual({ limit: undefined, continue: 'more', resourceVersion: undefined });
    await list({ resourceVersion: '0', signal });
    expect(lastOf(client.requests).query).toMatchObject({ resourceVersion: '0' });
    await list({ resourceVersion: '', signal });
    expect(lastOf(client.requests).query).toMatchObject({ resourceVersion: undefined });
  });

  test('asks for what is selected, each page and the position alike', async () => {
    const client = new ScriptedKubeClient(() => ({ body: jsonList([]) }));
    const selectors = { labelSelector: 'env in (a,b),!c', fieldSelector: 'metadata.name=x' };
    const listWatch = createListWatch(client, { ...metadata, ...selectors });
    await listWatch.list({ continue: 'more', signal });
    await listWatch.position(signal);
    expect(client.requests.map(({ query }) => query)).toMatchObject([{ ...selectors, continue: 'more' }, selectors]);
  });

  test('reads whole objects from a server that cannot do otherwise, and keeps their metadata only', async () => {
    const client = new ScriptedKubeClient(() => ({ body: jsonList([{ name: 'a', labels: { x: 'y' } }]) }));
    const page = await bound(client).list({ signal });
    expect(page.items).toMatchObject([{ name: 'a', labels: { x: 'y' }, body: undefined }]);
    expect(page).toMatchObject({ resourceVersion: '9', continue: 'more' });
  });

  test('a projection asks for JSON and keeps the fields that it names', async () => {
    const client = new ScriptedKubeClient(() => ({ body: jsonList([{ name: 'a' }]) }));
    const page = await bound(client, projected).list({ signal });
    expect(lastOf(client.requests).accept).toBe('application/json');
    expect(page.items[0]?.body).toEqual({ spec: { replicas: 2 } });
  });

  test('an answer that cannot be read is a BadResponse', async () => {
    const client = new ScriptedKubeClient(() => ({ body: '<html>' }));
    await expect(bound(client).list({ signal })).rejects.toMatchObject({ code: 'BadResponse' });
  });

  test('an item without a name is refused', async () => {
    const client = new ScriptedKubeClient(() => ({ body: jsonList([{ name: '' }]) }));
    await expect(bound(client).list({ signal })).rejects.toThrow('an object without a name');
  });

  test('Secrets are refused in any representation but metadata', () => {
    const secrets = { group: '', version: 'v1', resource: 'secrets' };
    const client = new ScriptedKubeClient();
    expect(() => createListWatch(client, { ...projected, gvr: secrets })).toThrow(
      'Secrets are only ever read as metadata',
    );
    createListWatch(client, { ...metadata, gvr: secrets });
    createListWatch(client, { ...projected, gvr: { ...secrets, group: 'example.com' } });
  });
});

describe('watch', () => {
  test('asks for bookmarks, from a resourceVersion, for a while', async () => {
    const { stream } = startWatch();
    expect(stream.request).toMatchObject({
      method: 'GET',
      path: '/apis/apps/v1/deployments',
      query: { watch: 'true', allowWatchBookmarks: 'true', resourceVersion: '5', timeoutSeconds: '300' },
    });
    expect(stream.request.accept).toContain('application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;');
  });

  test('asks for what is selected', () => {
    const selectors = { labelSelector: 'env in (a,b)', fieldSelector: 'metadata.name=x' };
    const { stream } = startWatch({}, { ...metadata, ...selectors });
    expect(stream.request.query).toMatchObject({ watch: 'true', ...selectors });
  });

  test('delivers events in order until the server ends it', async () => {
    const { stream, names, watching } = startWatch();
    stream.answer(PROTOBUF_WATCH);
    await nextTurn();
    stream.send(added('a'), Buffer.concat([added('b'), added('c')]));
    expect(names()).toEqual(['a', 'b', 'c']);
    stream.end();
    await watching;
  });

  test('says once that it is open, before the first event, also when that came early', async () => {
    const told: string[] = [];
    const { stream } = startWatch({ onOpen: () => told.push('open'), onEvent: ({ type }) => told.push(type) });
    stream.send(added('a'));
    expect(told).toEqual([]);
    stream.answer(PROTOBUF_WATCH);
    await nextTurn();
    stream.send(added('b'));
    expect(told).toEqual(['open', 'ADDED', 'ADDED']);
  });

  test('reads JSON from a server that answers so', async () => {
    const { stream, names } = startWatch();
    stream.answer('application/json');
    await nextTurn();
    stream.send(Buffer.from('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n'));
    expect(names()).toEqual(['a']);
  });

  test('an answer in another format than the two that there are is a BadResponse, and is broken off unread', async () => {
    const { stream, names, watching } = startWatch();
    stream.send(added('a'));
    stream.answer('text/html');
    await expect(watching).rejects.toMatchObject({
      code: 'BadResponse',
      message: "the API server sent a watch as 'text/html'",
    });
    expect(stream.request.signal.aborted).toBe(true);
    expect(names()).toEqual([]);
  });

  test('a refusal rejects it, 410 too', async () => {
    const { stream, watching } = startWatch();
    stream.refuse(new ApiError({ code: 'Gone', status: 410, reason: 'Expired', message: 'too old' }));
    await expect(watching).rejects.toMatchObject({ code: 'Gone' });
  });

  test('an error in the stream is an event; the end after it is a clean one', async () => {
    const { stream, events, watching } = startWatch();
    stream.answer(PROTOBUF_WATCH);
    await nextTurn();
    stream.send(protobufFrame('ERROR', protobufStatus({ code: 410, reason: 'Expired', message: 'too old' })));
    stream.end();
    await watching;
    expect(events).toMatchObject([{ type: 'ERROR', error: { code: 'Gone' } }]);
  });

  test('what cannot be read is one ERROR event, breaks the stream off and ends it cleanly', async () => {
    const { stream, events, watching } = startWatch();
    stream.answer(PROTOBUF_WATCH);
    await nextTurn();
    stream.send(Buffer.from([0, 0, 0, 1, 0xff]), added('late'));
    await watching;
    expect(stream.request.signal.aborted).toBe(true);
    expect(events).toMatchObject([{ type: 'ERROR', error: { code: 'BadResponse' } }]);
  });

  test('an end in the middle of an event is a broken connection', async () => {
    const { stream, watching } = startWatch();
    stream.answer(PROTOBUF_WATCH);
    await nextTurn();
    stream.send(added('a').subarray(0, 9));
    stream.end();
    await expect(watching).rejects.toMatchObject({ code: 'Network' });
  });

  test('a broken connection rejects it', async () => {
    const { stream, watching } = startWatch();
    stream.answer(PROTOBUF_WATCH);
    await nextTurn();
    stream.break(new ApiError({ code: 'Network', status: 0, reason: '', message: 'broke' }));
    await expect(watching).rejects.toMatchObject({ code: 'Network' });
  });

  test('once its caller gives it up no event comes any more, not even of the same chunk', async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    const { stream, watching } = startWatch({
      signal: controller.signal,
      onEvent: (event) => {
        seen.push(event.type);
        controller.abort();
      },
    });
    stream.answer(PROTOBUF_WATCH);
    await nextTurn();
    stream.send(Buffer.concat([added('a'), added('b')]), added('c'));
    await expect(watching).rejects.toMatchObject({ code: 'Aborted' });
    expect(seen).toEqual(['ADDED']);
  });

  test('who has given up before asking sends nothing', async () => {
    const client = new ScriptedKubeClient();
    const watching = bound(client).watch({ ...options, signal: AbortSignal.abort() });
    await expect(watching).rejects.toMatchObject({ code: 'Aborted' });
    expect(client.streams).toEqual([]);
  });
});

const options: WatchOptions = { resourceVersion: '5', timeoutSeconds: 300, signal, onEvent: () => {} };

function bound(client: ScriptedKubeClient, target = metadata) {
  const listWatch = createListWatch(client, target);
  return { list: listWatch.list.bind(listWatch), watch: listWatch.watch.bind(listWatch) };
}

function startWatch(overrides: Partial<WatchOptions> = {}, target = metadata) {
  const events: WatchEvent[] = [];
  const client = new ScriptedKubeClient();
  const watching = bound(client, target).watch({ ...options, onEvent: (event) => events.push(event), ...overrides });
  // Tests that end before the watch does leave it to itself.
  watching.catch(() => {});
  const stream: ScriptedStream = lastOf(client.streams);
  const names = () => events.map((event) => ('object' in event ? event.object.name : event.type));
  return { stream, events, names, watching };
}
