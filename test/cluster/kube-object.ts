import * as z from 'zod';

// Tests want `metadata.labels` to be there, and empty, where the server leaves it out.
const StringMap = z.record(z.string(), z.string()).default({});

const Metadata = z.looseObject({
  name: z.string(),
  namespace: z.string().default(''),
  uid: z.string().default(''),
  resourceVersion: z.string().default(''),
  generation: z.number().default(0),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  labels: StringMap,
  annotations: StringMap,
  finalizers: z.array(z.string()).default([]),
  ownerReferences: z
    .array(z.looseObject({ apiVersion: z.string(), kind: z.string(), name: z.string(), uid: z.string() }))
    .default([]),
  managedFields: z
    .array(
      z.looseObject({
        manager: z.string().default(''),
        operation: z.string(),
        subresource: z.string().default(''),
        fieldsV1: z.record(z.string(), z.unknown()).default({}),
      }),
    )
    .default([]),
});

const ObjectSchema = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata: Metadata });
const ListSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ resourceVersion: z.string().default(''), continue: z.string().default('') }),
  items: z.array(z.looseObject({})),
});

/** An object as the API server answered it. Everything beside `metadata` is `unknown`: see `at`. */
export type KubeObject = z.infer<typeof ObjectSchema>;

/** An object as a test writes it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name?: string;
    readonly generateName?: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

export interface KubeList {
  readonly resourceVersion: string;
  readonly items: readonly KubeObject[];
}

const ManifestSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().exactOptional(),
    labels: z.record(z.string(), z.string()).exactOptional(),
    annotations: z.record(z.string(), z.string()).exactOptional(),
  }),
});

export function parseObject(value: unknown): KubeObject {
  return ObjectSchema.parse(value);
}

export function parseManifest(value: unknown): Manifest {
  return ManifestSchema.parse(value);
}

/** @returns one page; `next` is the continue token, '' on the last one */
export function parseList(value: unknown): KubeList & { readonly next: string } {
  const { apiVersion, kind, metadata, items } = ListSchema.parse(value);
  // The server leaves these two out of the items of built-in kinds.
  const own = { apiVersion, kind: kind.replace(/List$/, '') };
  return {
    resourceVersion: metadata.resourceVersion,
    items: items.map((item) => parseObject({ ...own, ...item })),
    next: metadata.continue,
  };
}

/** What lies at a path of keys and indexes, such as `at(policy, 'status', 'conditions', 0, 'status')`. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined;
    current = Reflect.get(current, step);
  }
  return current;
}

/** The condition of this type in `status.conditions`, as `{ status, reason, message, ... }`. */
export function conditionOf(object: unknown, type: string): Readonly<Record<string, unknown>> | undefined {
  const conditions = z.array(z.looseObject({ type: z.string() })).safeParse(at(object, 'status', 'conditions'));
  return conditions.data?.find((condition) => condition.type === type);
}
