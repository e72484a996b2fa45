import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import * as z from 'zod';
import { at, type KubeObject } from '../cluster/kube-object.ts';

/**
 * Everything that a version leaves in a cluster, kept for the versions after it. `scripts/upgrade/record.ts` makes it,
 * from a real run.
 */

const strings = z.record(z.string(), z.string());
const keys = z.object({ labels: strings, annotations: strings });
const anything = z.record(z.string(), z.unknown());
const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({
    name: z.string().exactOptional(),
    labels: strings.exactOptional(),
    annotations: strings.exactOptional(),
  }),
});

const pattern = z.object({
  name: z.string(),
  count: z.number(),
  /** As its users have it. */
  object: manifest,
  /** The keys that each of our managers has by apply, with their values. */
  applied: z.record(z.string(), keys),
  /** Those of an object that could not be applied to: by merge patch. */
  patched: keys.optional(),
  /** What the object says of our managers, without times. */
  managedFields: z.array(anything),
});

const record = z.object({
  version: z.string(),
  namespaceLabels: strings,
  /** A kind as it was when its objects were made, and as it came to be. */
  crds: z.array(manifest),
  patterns: z.array(pattern),
  policies: z.array(z.object({ name: z.string(), specs: z.array(anything), status: anything })),
  /** The data of the ConfigMap, with `POLICY:NAME` for a policy's uid. */
  ledger: strings,
});

export type UpgradeRecord = z.output<typeof record>;
export type RecordedPattern = z.output<typeof pattern>;
export type KeyValues = z.output<typeof keys>;

export const RECORDS = new URL('../fixtures/upgrade/', import.meta.url);

export function readRecord(version: string): UpgradeRecord {
  return record.parse(parse(readFileSync(new URL(`${version}/record.yaml`, RECORDS), 'utf8')));
}

export const OUR_MANAGERS = ['watchkeeper', 'watchkeeper-retained'];

/** What an object says of our managers, without times. */
export function ourFields({ metadata }: KubeObject): Record<string, unknown>[] {
  return metadata.managedFields
    .filter(({ manager }) => OUR_MANAGERS.includes(manager))
    .map(({ manager, operation, ...rest }) => ({
      manager,
      operation,
      apiVersion: rest['apiVersion'],
      fieldsType: rest['fieldsType'],
      fieldsV1: rest.fieldsV1,
    }))
    .toSorted((a, b) => (`${a.manager}${a.operation}` < `${b.manager}${b.operation}` ? -1 : 1));
}

/** The keys that somebody has, with their values. */
export function keysOf(object: KubeObject, isOf: (manager: string, operation: string) => boolean): KeyValues {
  const of = (channel: 'labels' | 'annotations') => {
    const owned = new Set(
      object.metadata.managedFields
        .filter(({ manager, operation }) => isOf(manager, operation))
        .flatMap(({ fieldsV1 }) => Object.keys(at(fieldsV1, 'f:metadata', `f:${channel}`) ?? {}))
        .map((field) => field.replace(/^f:/, '')),
    );
    return Object.fromEntries(Object.entries(object.metadata[channel]).filter(([key]) => owned.has(key)));
  };
  return { labels: of('labels'), annotations: of('annotations') };
}
