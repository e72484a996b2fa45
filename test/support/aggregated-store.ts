import { randomUUID } from 'node:crypto';
import * as z from 'zod';

const Patch = z.looseObject({
  metadata: z.looseObject({
    uid: z.string().optional(),
    labels: z.record(z.string(), z.string().nullable()).default({}),
    annotations: z.record(z.string(), z.string().nullable()).default({}),
  }),
});

type Keys = Record<string, string>;
type Owned = Readonly<Record<'labels' | 'annotations', readonly string[]>>;

export interface AggregatedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly creationTimestamp: string;
    readonly resourceVersion: string;
    readonly labels: Keys;
    readonly annotations: Keys;
    readonly managedFields: readonly object[];
  };
  readonly spec: object;
}

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: AggregatedObject;
}

const MAPS = ['labels', 'annotations'] as const;

/** The objects of one namespaced kind, all history of them, and just enough of server-side apply for metadata. */
export class AggregatedStore {
  readonly #apiVersion: string;
  readonly #kind: string;
  readonly #objects = new Map<string, AggregatedObject>();
  readonly #owned = new Map<string, Map<string, Owned>>();
  readonly #watchers = new Set<(event: StoreEvent) => void>();
  readonly #history: StoreEvent[] = [];
  #version = 1;

  constructor(apiVersion: string, kind: string) {
    this.#apiVersion = apiVersion;
    this.#kind = kind;
  }

  get resourceVersion(): string {
    return String(this.#version);
  }

  list(namespace: string): AggregatedObject[] {
    return [...this.#objects.values()].filter(({ metadata }) => namespace === '' || metadata.namespace === namespace);
  }

  get(namespace: string, name: string): AggregatedObject | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  create(namespace: string, name: string, spec: object, labels: Readonly<Keys> = {}): AggregatedObject {
    const metadata = {
      namespace,
      name,
      uid: randomUUID(),
      creationTimestamp: new Date().toISOString().replace(/\.\d+Z$/u, 'Z'),
      resourceVersion: '',
      labels: { ...labels },
      annotations: {},
      managedFields: [],
    };
    return this.#put('ADDED', { apiVersion: this.#apiVersion, kind: this.#kind, metadata, spec });
  }

  delete(namespace: string, name: string): void {
    const object = this.get(namespace, name);
    if (object !== undefined) this.#put('DELETED', object);
  }

  /** An apply by this manager, or a merge patch when it is undefined. @returns undefined when its uid is another's */
  patch(object: AggregatedObject, document: unknown, manager: string | undefined): AggregatedObject | undefined {
    const { metadata } = Patch.parse(document);
    if (metadata.uid !== undefined && metadata.uid !== object.metadata.uid) return undefined;
    const owned = this.#owned.get(object.metadata.uid) ?? new Map<string, Owned>();
    const maps = { labels: { ...object.metadata.labels }, annotations: { ...object.metadata.annotations } };
    for (const map of MAPS) {
      const wanted = metadata[map];
      const gone = manager === undefined ? [] : (owned.get(manager)?.[map] ?? []).filter((key) => !(key in wanted));
      for (const key of gone) Reflect.deleteProperty(maps[map], key);
      for (const [key, value] of Object.entries(wanted)) {
        if (value === null) Reflect.deleteProperty(maps[map], key);
        else maps[map][key] = value;
      }
    }
    if (manager !== undefined) {
      owned.set(manager, { labels: Object.keys(metadata.labels), annotations: Object.keys(metadata.annotations) });
      this.#owned.set(object.metadata.uid, owned);
    }
    const managedFields = [...owned]
      .filter(([, keys]) => MAPS.some((map) => keys[map].length > 0))
      .map(([name, keys]) => managedFieldsOf(name, this.#apiVersion, keys));
    const next = { ...object, metadata: { ...object.metadata, ...maps, managedFields } };
    if (JSON.stringify(next) === JSON.stringify(object)) return object;
    return this.#put('MODIFIED', next);
  }

  /** All events after this version, then each as it comes; returns how to end it. */
  watch(resourceVersion: string, told: (event: StoreEvent) => void): () => void {
    const after = Number(resourceVersion);
    for (const event of this.#history) if (Number(event.object.metadata.resourceVersion) > after) told(event);
    this.#watchers.add(told);
    return () => this.#watchers.delete(told);
  }

  #put(type: StoreEvent['type'], object: AggregatedObject): AggregatedObject {
    this.#version += 1;
    const next = { ...object, metadata: { ...object.metadata, resourceVersion: this.resourceVersion } };
    const key = `${next.metadata.namespace}/${next.metadata.name}`;
    if (type === 'DELETED') this.#objects.delete(key);
    else this.#objects.set(key, next);
    const event = { type, object: next };
    this.#history.push(event);
    for (const told of this.#watchers) told(event);
    return next;
  }
}

function managedFieldsOf(manager: string, apiVersion: string, owned: Owned): object {
  const fields: Record<string, object> = {};
  for (const map of MAPS) {
    const keys = owned[map].map((key) => [`f:${key}`, {}] as const);
    if (keys.length > 0) fields[`f:${map}`] = Object.fromEntries(keys);
  }
  const fieldsV1 = { 'f:metadata': fields };
  return { manager, operation: 'Apply', apiVersion, fieldsType: 'FieldsV1', fieldsV1 };
}
