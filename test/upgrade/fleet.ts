import type { Manifest } from '../cluster/kube-object.ts';
import type { PolicySpec } from '../support/installation.ts';

/**
 * Objects and policies that make an operator leave everything in a cluster that it can leave there: keys of both managers, shared
 * and displaced ones, keys that are held, keys by merge patch where an object does not fit its schema, and every kind of result.
 */

/** Stands for the namespace of the objects, wherever its name is part of something. */
export const NS = 'NAMESPACE';

export const NAMESPACE_LABELS = { team: 'blue', 'acme.io/cost': 'cc-1', 'acme.io/unit': 'u1' };

/** Objects that are alike but for their names. */
export interface Pattern {
  /** Its objects are `NAME-0`, `NAME-1`... */
  readonly name: string;
  /** Of 2,000. */
  readonly count: number;
  readonly object: Manifest;
}

type Keys = { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> };

const configMap = (metadata: Keys): Manifest => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: 'b' } });
const service = (metadata: Keys): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata,
  spec: { clusterIP: 'None', ports: [{ port: 80 }] },
});
const claim = (metadata: Keys): Manifest => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata,
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});

const GROUP = 'upgrade.example.com';
const sized = (size: string | number): Manifest => ({
  apiVersion: `${GROUP}/v1`,
  kind: 'Size',
  metadata: {},
  spec: { size },
});

export const SIZES = { group: GROUP, resource: 'sizes' };

/** The kind as it was when its objects were made, and as it is now: some do not fit it any more. */
export const SIZE_CRDS: readonly Manifest[] = [
  { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  { type: 'object', properties: { size: { type: 'integer' } } },
].map((ofSpec) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `sizes.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: { plural: 'sizes', singular: 'size', kind: 'Size', listKind: 'SizeList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: ofSpec } } },
      },
    ],
  },
}));

export const PATTERNS: readonly Pattern[] = [
  { name: 'plain', count: 600, object: configMap({}) },
  { name: 'displaced', count: 300, object: configMap({ labels: { team: 'red', env: 'theirs' } }) },
  { name: 'shared', count: 200, object: configMap({ labels: { team: 'blue' } }) },
  { name: 'moved', count: 200, object: configMap({ labels: { owner: 'ann', 'legacy/a': 'x' } }) },
  { name: 'held', count: 100, object: configMap({}) },
  { name: 'refused', count: 100, object: configMap({}) },
  { name: 'copied', count: 200, object: service({ annotations: { mine: 'yes' } }) },
  { name: 'sanitized', count: 150, object: claim({ annotations: { owner: 'Ann & Bob (blue team)' } }) },
  { name: 'fitting', count: 100, object: sized(1) },
  { name: 'drifted', count: 50, object: sized('big') },
];

const CONFIG_MAPS = { group: '', resource: 'configmaps' };
const SERVICES = { group: '', resource: 'services' };
const CLAIMS = { group: '', resource: 'persistentvolumeclaims' };

function spec(
  mode: 'Audit' | 'Enforce' | 'Suspended',
  resources: readonly object[],
  names: readonly string[],
  rules: readonly object[],
  more: object = {},
): PolicySpec {
  return { mode, match: { resources, namespaces: [NS], names: names.map((name) => `${name}-*`) }, rules, ...more };
}

const set = (key: string, value: string) => ({ name: key, set: { labels: [{ key, value }] } });
const team = { name: 'team', set: { labels: [{ key: 'team', valueFrom: { namespaceLabel: 'team' } }] } };
const sanitized = {
  key: 'owner',
  valueFrom: { jsonPath: '$.metadata.annotations.owner' },
  invalidValue: 'Sanitize',
};
/** Its key is one that nobody writes: the API server takes it, the operator does not. */
const broken = set('pod-template-hash', 'x');

export interface FleetPolicy {
  readonly name: string;
  /** One after the other. */
  readonly specs: readonly PolicySpec[];
}

export const POLICIES_OF_FLEET: readonly FleetPolicy[] = [
  {
    name: 'team',
    specs: [
      spec(
        'Enforce',
        [CONFIG_MAPS],
        ['plain', 'displaced', 'shared'],
        [
          team,
          { name: 'env', default: { labels: [{ key: 'env', value: 'prod' }] } },
          { name: 'note', set: { annotations: [{ key: 'acme.io/note', value: 'by policy' }] } },
        ],
      ),
    ],
  },
  {
    name: 'moved',
    specs: [
      spec(
        'Enforce',
        [CONFIG_MAPS],
        ['moved'],
        [
          { name: 'rename', rename: { labels: [{ from: 'owner', to: 'acme.io/owner' }] } },
          { name: 'remove', remove: { labels: ['legacy/*'] } },
          { name: 'kept', set: { annotations: [{ key: 'acme.io/kept', value: 'on' }] } },
        ],
        { removalPolicy: 'Retain' },
      ),
    ],
  },
  { name: 'moved-too', specs: [spec('Enforce', [CONFIG_MAPS], ['moved', 'copied'], [set('tier', 'web')])] },
  {
    name: 'held',
    specs: [
      spec('Enforce', [CONFIG_MAPS], ['held'], [set('held', 'yes')]),
      spec('Suspended', [CONFIG_MAPS], ['held'], [set('held', 'yes')]),
    ],
  },
  {
    name: 'refused',
    specs: [
      spec('Enforce', [CONFIG_MAPS], ['refused'], [set('refused', 'yes')]),
      spec('Enforce', [CONFIG_MAPS], ['refused'], [set('refused', 'yes'), broken]),
    ],
  },
  {
    name: 'copied',
    specs: [
      spec(
        'Enforce',
        [SERVICES],
        ['copied'],
        [{ name: 'copy', copy: { from: 'Namespace', labels: ['acme.io/*'], except: ['acme.io/unit'] } }],
      ),
    ],
  },
  {
    name: 'sanitized',
    specs: [spec('Enforce', [CLAIMS], ['sanitized'], [{ name: 'owner', set: { labels: [sanitized] } }])],
  },
  {
    name: 'sized',
    specs: [
      spec('Enforce', [{ ...SIZES, version: 'v1' }], ['fitting', 'drifted'], [set('size', 'l'), set('team', 'blue')]),
    ],
  },
  {
    name: 'yields',
    specs: [spec('Enforce', [CONFIG_MAPS], ['shared'], [set('team', 'green')], { priority: -1, severity: 'high' })],
  },
  {
    name: 'audited',
    specs: [
      spec(
        'Audit',
        [SERVICES, CONFIG_MAPS],
        ['copied', 'held'],
        [
          {
            name: 'owner',
            require: { labels: [{ key: 'owner' }] },
            severity: 'critical',
            message: 'everything has an owner',
          },
          set('audited', 'yes'),
        ],
      ),
    ],
  },
];

/** Makes all that is said of the stand-in be said of the namespace. */
export function placed<T>(value: T, namespace: string): T {
  return JSON.parse(JSON.stringify(value).replaceAll(NS, namespace)) as T;
}

/** The objects of a pattern, by their manifests. */
export function* objectsOf({ name, object }: Pattern, count: number, namespace: string): Generator<Manifest> {
  for (let i = 0; i < count; i++) {
    yield { ...object, metadata: { ...object.metadata, namespace, name: `${name}-${i}` } };
  }
}
