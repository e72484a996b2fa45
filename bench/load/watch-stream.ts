import type { KubeClient, KubeRequest, KubeResponse, KubeStream } from '../../src/kube/client.ts';
import { PROTOBUF } from '../../src/kube/media-types.ts';
import { protobufAnswer, protobufFrame, protobufList, type SampleMetadata } from '../../test/support/kube-encodings.ts';
import { answerTo } from '../../test/support/scripted-kube-client.ts';

/** As much as comes from a socket at a time. */
const CHUNK_BYTES = 64 * 1024;
const NAMESPACES = 10;

export function namespaceOfObject(i: number): string {
  return `bench-${i % NAMESPACES}`;
}

/** Metadata as a Pod's are, with the label `team: blue` that the operator has set. */
function sampleOf(i: number, resourceVersion: number): SampleMetadata {
  const fields = Object.fromEntries(Array.from({ length: 60 }, (_, f) => [`f:field${f}`, { 'f:value': {}, '.': {} }]));
  return {
    name: `web-${i}`,
    namespace: namespaceOfObject(i),
    uid: `8d6c4a4e-0000-4000-8000-${i.toString(16).padStart(12, '0')}`,
    resourceVersion: String(resourceVersion),
    generation: 1,
    created: 1_700_000_000 + i,
    labels: {
      app: 'web',
      'app.kubernetes.io/part-of': 'shop',
      'pod-template-hash': '5d4f8c7b9',
      tier: 'front',
      team: 'blue',
    },
    annotations: { 'checksum/config': 'c0ffee'.repeat(10), 'example.com/round': String(resourceVersion) },
    controllers: [true],
    managedFields: [
      {
        manager: 'kube-controller-manager',
        operation: 'Update',
        fieldsV1: { 'f:metadata': { 'f:labels': { 'f:app': {} } }, 'f:spec': fields },
      },
      { manager: 'kubelet', operation: 'Update', subresource: 'status', fieldsV1: { 'f:status': fields } },
      { manager: 'watchkeeper', operation: 'Apply', fieldsV1: { 'f:metadata': { 'f:labels': { 'f:team': {} } } } },
    ],
  };
}

/** Seven digits that stand for a version, and nowhere else in an object. */
const VERSION = 7_654_321;

/** `events` changes of `objects` objects in turn, as the bytes of a watch, cut anywhere. */
export function watchChunks(objects: number, events: number): readonly Buffer[] {
  const templates = Array.from({ length: objects }, (_, i) => templateOf(i));
  const frames = Array.from({ length: events }, (_, e) => {
    const template = templates[e % objects];
    const frame = Buffer.from(template?.frame ?? []);
    for (const place of template?.places ?? []) frame.write(String(1_000_000 + e), place, 'latin1');
    return frame;
  });
  const bytes = Buffer.concat(frames);
  return Array.from({ length: Math.ceil(bytes.length / CHUNK_BYTES) }, (_, c) =>
    bytes.subarray(c * CHUNK_BYTES, (c + 1) * CHUNK_BYTES),
  );
}

/** The event of an object, and where its version stands in it. */
function templateOf(i: number): { readonly frame: Buffer; readonly places: readonly number[] } {
  const frame = protobufFrame('MODIFIED', protobufAnswer(sampleOf(i, VERSION)));
  const places: number[] = [];
  for (let at = frame.indexOf(String(VERSION)); at !== -1; at = frame.indexOf(String(VERSION), at + 1)) places.push(at);
  return { frame, places };
}

/** An API server without a network: one list, and a watch whose bytes come when `send` is called. It takes no write. */
export class WatchedServer implements KubeClient {
  readonly #list: Buffer;
  readonly #opened = Promise.withResolvers<(chunk: Buffer) => void>();
  readonly #ended = Promise.withResolvers<void>();

  constructor(objects: number) {
    const samples = Array.from({ length: objects }, (_, i) => sampleOf(i, i + 1));
    this.#list = protobufList(samples, '999999');
  }

  async request(request: KubeRequest): Promise<KubeResponse> {
    const { method, path } = request;
    if (method !== 'GET') throw new Error(`${method} ${path}: nothing was to be written`);
    return answerTo(request, { status: 200, headers: { 'content-type': PROTOBUF }, body: this.#list });
  }

  async stream(_request: KubeRequest, onData: (chunk: Buffer) => void): Promise<KubeStream> {
    this.#opened.resolve(onData);
    return { status: 200, headers: { 'content-type': `${PROTOBUF};stream=watch` }, ended: this.#ended.promise };
  }

  /** Resolves to how bytes are sent once somebody watches. */
  async watched(): Promise<(chunk: Buffer) => void> {
    return this.#opened.promise;
  }

  async close(): Promise<void> {
    this.#ended.resolve();
  }
}
