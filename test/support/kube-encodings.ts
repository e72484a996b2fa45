import fc from 'fast-check';

/** Writes the protobuf wire format; just enough to make what an API server would send. */
export function varint(value: number | bigint): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

export function intField(field: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

export function bytesField(field: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);
}

export function stringField(field: number, text: string): Buffer {
  return bytesField(field, Buffer.from(text));
}

export function envelope(apiVersion: string, kind: string, raw: Buffer): Buffer {
  const type = bytesField(1, stringField(1, apiVersion), stringField(2, kind));
  return Buffer.concat([Buffer.from('k8s\0'), type, bytesField(2, raw), stringField(3, ''), stringField(4, '')]);
}

export interface SampleEntry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource?: string;
  readonly fieldsV1: object;
}

/** What a test says of an object's metadata; `seconds` since the epoch, undefined for none. */
export interface SampleMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly created?: number;
  readonly deleted?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Its owners, whose uids are `owner-0` and so on: whether each is its controller. */
  readonly controllers?: readonly boolean[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly SampleEntry[];
}

/** The ObjectMeta as JSON of an API server. */
export function jsonMetadata(sample: SampleMetadata): object {
  const { name, namespace, uid, resourceVersion, generation, labels, annotations, finalizers } = sample;
  return {
    name,
    namespace,
    uid,
    resourceVersion,
    generation,
    creationTimestamp: sample.created === undefined ? null : timestamp(sample.created),
    deletionTimestamp: sample.deleted === undefined ? undefined : timestamp(sample.deleted),
    labels,
    annotations,
    ownerReferences: sample.controllers?.map((controller, i) => ({
      apiVersion: 'v1',
      kind: 'Owner',
      name: 'owner',
      uid: `owner-${i}`,
      controller,
    })),
    finalizers,
    managedFields: sample.managedFields?.map((entry) => ({ ...entry, apiVersion: 'v1', fieldsType: 'FieldsV1' })),
  };
}

function timestamp(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** A PartialObjectMetadata message, without envelope. */
export function protobufObject(sample: SampleMetadata): Buffer {
  return bytesField(
    1,
    stringField(1, sample.name),
    stringField(2, ''),
    stringField(3, sample.namespace ?? ''),
    stringField(5, sample.uid ?? ''),
    stringField(6, sample.resourceVersion ?? ''),
    intField(7, sample.generation ?? 0),
    bytesField(8, sample.created === undefined ? Buffer.alloc(0) : protobufTime(sample.created)),
    ...(sample.deleted === undefined ? [] : [bytesField(9, protobufTime(sample.deleted))]),
    ...protobufMap(11, sample.labels),
    ...protobufMap(12, sample.annotations),
    ...(sample.controllers ?? []).map((controller, i) =>
      bytesField(
        13,
        stringField(1, 'Owner'),
        stringField(3, 'owner'),
        stringField(4, `owner-${i}`),
        intField(6, controller ? 1 : 0),
      ),
    ),
    ...(sample.finalizers ?? []).map((finalizer) => stringField(14, finalizer)),
    ...(sample.managedFields ?? []).map(({ manager, operation, subresource = '', fieldsV1 }) =>
      bytesField(
        17,
        stringField(1, manager),
        stringField(2, operation),
        stringField(3, 'v1'),
        stringField(6, 'FieldsV1'),
        bytesField(7, stringField(1, JSON.stringify(fieldsV1))),
        stringField(8, subresource),
      ),
    ),
  );
}

function protobufTime(seconds: number): Buffer {
  return Buffer.concat([intField(1, seconds), intField(2, 0)]);
}

function protobufMap(field: number, map: Readonly<Record<string, string>> = {}): Buffer[] {
  return Object.entries(map).map(([key, value]) => bytesField(field, stringField(1, key), stringField(2, value)));
}

export function protobufList(samples: readonly SampleMetadata[], resourceVersion: string, next = ''): Buffer {
  const items = samples.map((sample) => bytesField(2, protobufObject(sample)));
  const list = bytesField(1, stringField(1, ''), stringField(2, resourceVersion), stringField(3, next));
  return envelope('meta.k8s.io/v1', 'PartialObjectMetadataList', Buffer.concat([list, ...items]));
}

export function protobufAnswer(sample: SampleMetadata): Buffer {
  return envelope('meta.k8s.io/v1', 'PartialObjectMetadata', protobufObject(sample));
}

/** One frame of a protobuf watch; `object` comes in its envelope. */
export function protobufFrame(type: string, object: Buffer): Buffer {
  const event = Buffer.concat([stringField(1, type), bytesField(2, bytesField(1, object))]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

export interface SampleStatus {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: { readonly retryAfterSeconds: number };
}

export function protobufStatus({ code, reason, message, details }: SampleStatus): Buffer {
  const status = [
    stringField(2, 'Failure'),
    stringField(3, message),
    stringField(4, reason),
    ...(details === undefined ? [] : [bytesField(5, intField(5, details.retryAfterSeconds))]),
    intField(6, code),
  ];
  return envelope('v1', 'Status', Buffer.concat(status));
}

const text = fc.string({ unit: 'grapheme', maxLength: 80 });
const map = fc.dictionary(fc.oneof(text, fc.constantFrom('constructor', '__proto__', '1', 'app')), text, {
  maxKeys: 6,
});
const keys = fc.dictionary(
  text.map((key) => `f:${key}`),
  fc.constant({}),
  { maxKeys: 3 },
);

export const arbitrarySample: fc.Arbitrary<SampleMetadata> = fc.record(
  {
    name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }),
    namespace: text,
    uid: text,
    resourceVersion: fc.nat().map(String),
    generation: fc.nat(),
    created: fc.nat(),
    deleted: fc.nat(),
    labels: map,
    annotations: map,
    controllers: fc.array(fc.boolean(), { maxLength: 3 }),
    finalizers: fc.array(text, { maxLength: 2 }),
    managedFields: fc.array(
      fc.record({
        manager: fc.constantFrom('watchkeeper', 'watchkeeper-retained', 'watchkeeper2', 'kubectl', ''),
        operation: fc.constantFrom('Apply', 'Update'),
        subresource: fc.constantFrom('', 'status'),
        fieldsV1: fc.record({
          'f:metadata': fc.record({ 'f:labels': keys, 'f:annotations': keys }, { requiredKeys: [] }),
        }),
      }),
      { maxLength: 4 },
    ),
  },
  { requiredKeys: ['name'] },
);

/** `bytes` cut into chunks at the given places. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((cut, index) => bytes.subarray(cuts[index], cut));
}
