import * as fc from 'fast-check';
import { type CachedObject, OWN_KEYS } from '../../src/api/object.ts';
import { refuseReason } from '../../src/kube/door-rules.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { Interner } from '../../src/kube/interner.ts';
import { JsonListDecoder } from '../../src/kube/json-list.ts';
import { decodeJsonObject } from '../../src/kube/json-objects.ts';
import { JsonWatchDecoder } from '../../src/kube/json-watch.ts';
import { KeySetTable } from '../../src/kube/key-sets.ts';
import type { WatchEvent } from '../../src/kube/list-watch.ts';
import { LAST_APPLIED } from '../../src/kube/metadata-rules.ts';
import { withRecord } from '../../src/kube/own-record.ts';
import { objectPath } from '../../src/kube/paths.ts';
import { ProtobufListDecoder } from '../../src/kube/protobuf-list.ts';
import { decodeProtobufObject } from '../../src/kube/protobuf-metadata.ts';
import { decodeProtobufStatus } from '../../src/kube/protobuf-status.ts';
import { ProtobufWatchDecoder } from '../../src/kube/protobuf-watch.ts';
import { parseRequestPath } from '../../src/kube/request-path.ts';
import { retryAfterMs } from '../../src/kube/retry-after.ts';
import { decodeStatus } from '../../src/kube/status-body.ts';
import type { WatchDecoder } from '../../src/kube/watch-events.ts';
import { withoutValues } from '../../src/kube/without-values.ts';
import { cachedObject } from '../support/cached-object.ts';
import {
  arbitrarySample,
  cutAt,
  jsonMetadata,
  protobufAnswer,
  protobufFrame,
  protobufList,
  protobufStatus,
} from '../support/kube-encodings.ts';
import { listed } from '../support/listed.ts';
import { mutatedBytes, nastyJson, nastyText } from './inputs.ts';
import { type FuzzTarget, outcome, same, target } from './target.ts';

/** What servers send, and what is sent to them. */

const isBadResponse = (error: unknown) => error instanceof ApiError && error.code === 'BadResponse';
const unreadable = <T>(call: () => T) => outcome(call, isBadResponse);

const protobufObject = target('protobuf-object', mutatedBytes(arbitrarySample.map(protobufAnswer)), (bytes) => {
  unreadable(() => decodeProtobufObject(bytes, new Interner()));
});

const samples = fc.array(arbitrarySample, { maxLength: 3 });
const protobufListed = target(
  'protobuf-list',
  mutatedBytes(samples.map((all) => protobufList(all, '7', 'next'))),
  (bytes) => {
    unreadable(() => listed(new ProtobufListDecoder(new Interner(), 100), [bytes]));
  },
);

const status = fc.record({ code: fc.nat(), reason: nastyText, message: nastyText }).map(protobufStatus);
const protobufStatuses = target('protobuf-status', mutatedBytes(status), (bytes) => {
  unreadable(() => decodeProtobufStatus(bytes));
  decodeStatus('application/json', bytes);
});

/** The same sample is the same object in both encodings; nobody's copy of the whole is kept. */
const encodings = target('encodings', arbitrarySample, (sample) => {
  const json = Buffer.from(JSON.stringify({ metadata: jsonMetadata(sample) }));
  const fromJson = decodeJsonObject(json, { interner: new Interner(), fields: undefined });
  const fromProtobuf = decodeProtobufObject(protobufAnswer(sample), new Interner());
  same('name', fromJson.name, sample.name);
  same('labels', sortedText(fromJson.labels), sortedText(sample.labels ?? {}));
  same('objects', sortedText(fromJson), sortedText(fromProtobuf));
  if (Object.hasOwn(fromJson.annotations, LAST_APPLIED)) throw new Error('a copy is kept');
});

function sortedText(value: object): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1))
      : each,
  );
}

const jsonObject = fc
  .record({ sample: arbitrarySample, spec: nastyJson, more: nastyJson, spaces: fc.nat(3) })
  .map(({ sample, spec, more, spaces }) => ({
    spec,
    text: JSON.stringify({ more, metadata: jsonMetadata(sample), spec }, null, spaces),
  }));

/** What is kept of a body is what JSON.parse makes of it. */
const jsonBodies = target('json-object', jsonObject, ({ spec, text }) => {
  const object = decodeJsonObject(Buffer.from(text), { interner: new Interner(), fields: ['spec'] });
  same('spec', plain(object.body?.['spec']), plain(JSON.parse(JSON.stringify(spec))));
});

const plain = (value: unknown) =>
  JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? Number(each) : each));

const jsonBytes = target('json-bytes', mutatedBytes(jsonObject.map(({ text }) => Buffer.from(text))), (bytes) => {
  const decoding = { interner: new Interner(), fields: ['spec', '__proto__'] };
  unreadable(() => decodeJsonObject(bytes, decoding));
  unreadable(() => listed(new JsonListDecoder(decoding, 100), [bytes]));
});

/** However a stream is cut into chunks, the same events come of it, and the same error. */
function framing(name: string, bytes: fc.Arbitrary<Buffer>, decoder: () => WatchDecoder): FuzzTarget {
  const cuts = fc.array(fc.nat(), { maxLength: 6 });
  return target(name, fc.record({ bytes: mutatedBytes(bytes), cuts }), (input) => {
    const whole = eventsOf(decoder(), [input.bytes]);
    same('events', eventsOf(decoder(), cutAt(input.bytes, input.cuts)), whole);
    same('events, byte by byte', eventsOf(decoder(), cutAt(input.bytes, [...input.bytes.keys()])), whole);
  });
}

function eventsOf(decoder: WatchDecoder, chunks: readonly Buffer[]): string {
  const events: WatchEvent[] = [];
  const end = unreadable(() => {
    for (const chunk of chunks) decoder.push(chunk, (event) => events.push(event));
    return decoder.isMidEvent;
  });
  return JSON.stringify([events.map((event) => (event.type === 'ERROR' ? event.error.message : event)), end]);
}

const types = fc.constantFrom('ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR', 'NEW');
const events = fc.array(fc.tuple(types, arbitrarySample), { maxLength: 3 });
const protobufFraming = framing(
  'protobuf-watch',
  events.map((all) => Buffer.concat(all.map(([type, sample]) => protobufFrame(type, protobufAnswer(sample))))),
  () => new ProtobufWatchDecoder(new Interner()),
);
const jsonFraming = framing(
  'json-watch',
  events.map((all) => {
    const lines = all.map(([type, sample]) => JSON.stringify({ type, object: { metadata: jsonMetadata(sample) } }));
    return Buffer.from(lines.map((line) => `${line}\n`).join(''));
  }),
  () => new JsonWatchDecoder({ interner: new Interner(), fields: ['spec'] }),
);

const keySets = target(
  'key-sets',
  mutatedBytes(
    fc.tuple(fc.array(nastyText, { maxLength: 4 }), nastyJson).map(([keys, other]) =>
      Buffer.from(
        JSON.stringify({
          'f:metadata': {
            'f:labels': Object.fromEntries(keys.map((key) => [`f:${key}`, {}])),
            'f:annotations': other,
          },
        }),
      ),
    ),
  ),
  (bytes) => {
    const read = unreadable(() => new KeySetTable().read(bytes));
    if ('error' in read) return;
    for (const keys of [read.value.labels, read.value.annotations]) {
      same('sorted, each once', JSON.stringify(keys), JSON.stringify([...new Set(keys)].toSorted()));
    }
  },
);

const record = target(
  'own-record',
  fc.oneof(
    nastyText,
    nastyJson.map((value) => JSON.stringify(value)),
  ),
  (text) => {
    const object: CachedObject = cachedObject({ name: 'x', labels: { a: 'b' }, annotations: { [OWN_KEYS]: text } });
    if (Object.hasOwn(withRecord(object).annotations, OWN_KEYS)) throw new Error('the record is seen');
  },
);

/** A name is refused, or it is one segment of the path and nothing else of the request. */
const paths = target(
  'paths',
  fc.record({ group: nastyText, version: nastyText, resource: nastyText, namespace: nastyText, name: nastyText }),
  ({ group, version, resource, namespace, name }) => {
    const built = outcome(
      () => objectPath({ group, version, resource }, namespace, name),
      (error) => error instanceof ApiError && error.code === 'BadRequest',
    );
    if ('error' in built) return;
    const path = built.value;
    same('as the URL standard reads it', new URL(path, 'https://server').pathname, path);
    if (!/^[!-~]+$/.test(path)) throw new Error(`${path} is not plain text`);
    same('segments', path.split('/').length, 1 + (group === '' ? 2 : 3) + (namespace === '' ? 0 : 2) + 2);
    if (resource === 'namespaces' || version === 'namespaces') return;
    const read = parseRequestPath(path);
    same(
      'read back',
      JSON.stringify([read?.group, read?.version, read?.namespace, read?.resource, read?.name]),
      JSON.stringify([group, version, namespace, resource, name]),
    );
  },
);

/** Whatever is put into a request, the door answers with a reason or lets it through. */
const door = target(
  'door',
  fc.record({
    method: fc.constantFrom('GET' as const, 'PATCH' as const, 'POST' as const),
    path: fc.oneof(
      nastyText.map((text) => `/api/v1/namespaces/${text}/pods/x`),
      nastyText,
      fc.constant('/api/v1/namespaces/a/pods/x'),
    ),
    contentType: fc.constantFrom('application/apply-patch+yaml', 'application/merge-patch+json', 'x'),
    body: fc.oneof(
      nastyText,
      nastyJson.map((value) => JSON.stringify(value)),
      nastyJson.map((labels) => JSON.stringify({ metadata: { uid: 'u', labels } })),
    ),
  }),
  (request) => {
    const reason = refuseReason({ ...request, query: { fieldManager: 'watchkeeper', force: 'true' } }, 'watchkeeper');
    if (reason === undefined && /(?:^|\/)\.\.(?:\/|$)|%2f|%00/i.test(request.path))
      throw new Error(`${request.path} passes`);
  },
);

const retryAfter = target('retry-after', fc.oneof(nastyText, fc.nat().map(String), fc.date().map(String)), (header) => {
  const ms = retryAfterMs(header, Date.UTC(2026, 0, 1));
  if (ms !== undefined && !(Number.isFinite(ms) && ms >= 0)) throw new Error(`waits ${ms}`);
});

/** The value that validation quotes is not in what is shown. */
const redaction = target(
  'redaction',
  fc.record({ before: fc.constantFrom('Invalid value', 'Unsupported value', 'Duplicate value'), value: nastyText }),
  ({ before, value }) => {
    const secret = `CANARY${value}`;
    const shown = withoutValues(`spec.a: ${before}: ${JSON.stringify(secret)}: must be right`);
    if (shown.includes('CANARY')) throw new Error(`shows ${shown}`);
    withoutValues(value);
  },
);

export const WIRE_TARGETS: readonly FuzzTarget[] = [
  protobufObject,
  protobufListed,
  protobufStatuses,
  encodings,
  jsonBodies,
  jsonBytes,
  protobufFraming,
  jsonFraming,
  keySets,
  record,
  paths,
  door,
  retryAfter,
  redaction,
];
