import type { Manifest } from '../cluster/kube-object.ts';
import type { PolicySpec } from '../support/installation.ts';
import type { SmallKind } from '../support/small-crd.ts';
import type { Dice } from './dice.ts';

export const GROUP = 'soak.example.com';
/** Kinds whose CRDs come and go. */
export const CUSTOM: readonly SmallKind[] = ['Widget', 'Gizmo', 'Doodad', 'Gadget'].map((kind) => {
  return { group: GROUP, plural: `${kind.toLowerCase()}s`, kind };
});
export const NAMESPACES = ['soak-0', 'soak-1', 'soak-2', 'soak-3'];
export const COLOURS = ['blue', 'red', 'green', 'grey'];

/** A place for an object. There is one in it or not; the next one has a name of its own now and then. */
export interface Place {
  readonly kind: 'ConfigMap' | 'Service' | SmallKind;
  readonly namespace: string;
  readonly name: string;
}

export function placesOf({ perNamespace }: { readonly perNamespace: number }): Place[] {
  return NAMESPACES.flatMap((namespace) =>
    Array.from({ length: perNamespace }, (_, i): Place => {
      const custom = CUSTOM[i % 8];
      const kind = custom ?? (i % 8 === 7 ? 'Service' : 'ConfigMap');
      return { kind, namespace, name: `place-${i}` };
    }),
  );
}

export function manifestOf({ kind, namespace }: Place, name: string, dice: Dice): Manifest {
  const labels = dice.chance(0.5) ? { owner: `u-${dice.number(1e6)}` } : {};
  const metadata = { namespace, name, labels };
  if (kind === 'ConfigMap') return { apiVersion: 'v1', kind, metadata, data: { a: 'x'.repeat(200) } };
  // Headless: addresses for services are few.
  if (kind === 'Service') return { apiVersion: 'v1', kind, metadata, spec: { clusterIP: 'None' } };
  return { apiVersion: `${kind.group}/v1`, kind: kind.kind, metadata, spec: { size: dice.number(4) } };
}

export function collectionOf({ kind, namespace }: Place): string {
  if (kind === 'ConfigMap') return `/api/v1/namespaces/${namespace}/configmaps`;
  if (kind === 'Service') return `/api/v1/namespaces/${namespace}/services`;
  return `/apis/${kind.group}/v1/namespaces/${namespace}/${kind.plural}`;
}

const BUILT_IN = [
  { group: '', resource: 'configmaps' },
  { group: '', resource: 'services' },
];
const WILDCARD = [{ group: '*.example.com', resource: '*' }];

/** By name: the policies that stand in all quiet moments, each in one of its colours. */
export const POLICY_SPECS: Readonly<Record<string, (colour: string) => PolicySpec>> = {
  'soak-team': (value) => ({
    mode: 'Enforce',
    match: { resources: BUILT_IN, namespaces: NAMESPACES },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value }] } }],
  }),
  'soak-cost': () => ({
    mode: 'Enforce',
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: NAMESPACES },
    rules: [
      {
        name: 'cost',
        set: { labels: [{ key: 'acme.io/cost', valueFrom: { namespaceLabel: 'cost' }, fallback: 'none' }] },
      },
      { name: 'unit', copy: { from: 'Namespace', annotations: ['acme.io/*'] } },
    ],
  }),
  'soak-wild': (value) => ({
    mode: 'Enforce',
    match: { resources: WILDCARD, namespaces: NAMESPACES },
    rules: [
      {
        name: 'env',
        set: { labels: [{ key: 'env', value }], annotations: [{ key: 'acme.io/env', value: 'x'.repeat(100) }] },
      },
    ],
  }),
  'soak-owner': (colour) => ({
    mode: 'Audit',
    match: { resources: [...BUILT_IN, ...WILDCARD], namespaces: NAMESPACES },
    rules: [{ name: 'owner', severity: colour === 'red' ? 'high' : 'low', require: { labels: [{ key: 'owner' }] } }],
  }),
  'soak-tidy': () => ({
    mode: 'Enforce',
    match: { resources: BUILT_IN, namespaces: NAMESPACES },
    rules: [
      { name: 'legacy', remove: { labels: ['legacy/*'] } },
      { name: 'tier', default: { labels: [{ key: 'tier', value: 'web' }] } },
    ],
  }),
  'soak-size': (colour) => ({
    mode: 'Audit',
    match: { resources: [{ group: GROUP, resource: 'widgets', version: 'v1' }], namespaces: NAMESPACES },
    rules: [
      {
        name: 'size',
        check: { jsonPath: '$.spec.size', operator: 'GreaterThan', values: [colour === 'blue' ? '1' : '2'] },
      },
    ],
  }),
};
