import type { Manifest } from '../cluster/kube-object.ts';
import { CRDS, collectionOf, crdName, type SmallKind, smallCrd } from './small-crd.ts';

/** An object, and a change of it that is none of its labels and annotations. */
export interface GuardedObject {
  /** For titles. */
  readonly what: string;
  readonly path: string;
  readonly object: Manifest;
  /** A merge patch. */
  readonly change: object;
  /** The field that it changes. */
  readonly field: string;
}

/** A kind with a status subresource, and a field at its top that no other kind has. */
export const WIDGETS: SmallKind = { group: 'guard.test', plural: 'widgets', kind: 'Widget' };

export function widgetsCrd(): Manifest {
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const openAPIV3Schema = { type: 'object', properties: { spec: anything, status: anything, other: anything } };
  const { group, plural, kind } = WIDGETS;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: crdName(WIDGETS) },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, singular: 'widget', kind, listKind: 'WidgetList' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema }, subresources: { status: {} } },
      ],
    },
  };
}

const RBAC = 'rbac.authorization.k8s.io/v1';
const pod = { containers: [{ name: 'a', image: 'a', resources: { requests: { cpu: '1' } } }] };
const workload = {
  selector: { matchLabels: { app: 'a' } },
  template: { metadata: { labels: { app: 'a' } }, spec: pod },
};

/** Objects of many sorts in a namespace; those that belong to none have its name in theirs. */
export function guardedObjects(namespace: string): readonly GuardedObject[] {
  const inIt = (apiVersion: string, kind: string, more: object = {}): Manifest => ({
    apiVersion,
    kind,
    metadata: { name: 'one', namespace },
    ...more,
  });
  const outside = (apiVersion: string, kind: string, more: object = {}): Manifest => ({
    apiVersion,
    kind,
    metadata: { name: `guarded-${namespace}` },
    ...more,
  });
  const core = `/api/v1/namespaces/${namespace}`;
  const others: SmallKind = { group: `${namespace}.test`, plural: 'others', kind: 'Other' };
  return [
    {
      what: 'ConfigMap',
      path: `${core}/configmaps/one`,
      object: inIt('v1', 'ConfigMap', { data: { a: 'b' } }),
      change: { data: { a: 'c' } },
      field: 'data',
    },
    {
      what: 'Secret',
      path: `${core}/secrets/one`,
      object: inIt('v1', 'Secret', { data: { a: 'Yg==' } }),
      change: { data: { b: 'Yg==' } },
      field: 'data',
    },
    {
      what: 'Service',
      path: `${core}/services/one`,
      object: inIt('v1', 'Service', { spec: { ports: [{ port: 80 }] } }),
      change: { spec: { selector: { app: 'mine' } } },
      field: 'spec',
    },
    {
      what: 'ServiceAccount',
      path: `${core}/serviceaccounts/one`,
      object: inIt('v1', 'ServiceAccount'),
      change: { imagePullSecrets: [{ name: 'mine' }] },
      field: 'imagePullSecrets',
    },
    {
      what: 'Pod',
      path: `${core}/pods/one`,
      object: inIt('v1', 'Pod', { spec: { ...pod, serviceAccountName: 'one' } }),
      change: { spec: { activeDeadlineSeconds: 1 } },
      field: 'spec',
    },
    {
      what: 'Deployment',
      path: `/apis/apps/v1/namespaces/${namespace}/deployments/one`,
      object: inIt('apps/v1', 'Deployment', { spec: workload }),
      change: { spec: { template: { spec: { hostNetwork: true } } } },
      field: 'spec',
    },
    {
      what: 'custom object',
      path: `${collectionOf(WIDGETS, namespace)}/one`,
      object: inIt(`${WIDGETS.group}/v1`, WIDGETS.kind, { spec: { deep: [{ a: [1, { b: 2.5 }] }], none: null } }),
      change: { other: { a: 1 } },
      field: 'other',
    },
    {
      what: 'Role',
      path: `/apis/${RBAC}/namespaces/${namespace}/roles/one`,
      object: inIt(RBAC, 'Role', { rules: [] }),
      change: { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
      field: 'rules',
    },
    {
      what: 'Namespace',
      path: `/api/v1/namespaces/guarded-${namespace}`,
      object: outside('v1', 'Namespace'),
      // Of its spec and status the server takes nothing here, whoever asks.
      change: { metadata: { finalizers: ['guard.test/a'] } },
      field: 'metadata.finalizers',
    },
    {
      what: 'Node',
      path: `/api/v1/nodes/guarded-${namespace}`,
      object: outside('v1', 'Node'),
      change: { spec: { unschedulable: true } },
      field: 'spec',
    },
    {
      what: 'ClusterRole',
      path: `/apis/${RBAC}/clusterroles/guarded-${namespace}`,
      object: outside(RBAC, 'ClusterRole', { rules: [] }),
      change: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
      field: 'rules',
    },
    {
      what: 'CustomResourceDefinition',
      path: `${CRDS}/${crdName(others)}`,
      object: smallCrd(others),
      change: { spec: { names: { shortNames: ['oth'] } } },
      field: 'spec',
    },
  ];
}
