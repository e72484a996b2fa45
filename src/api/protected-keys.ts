import { compileGlob } from './glob.ts';
import type { GroupResource } from './resource.ts';

/** Which keys, kinds and namespaces are kept from policies. */

export type KeyKind = 'label' | 'annotation';

/**
 * `Never`: written by nobody. `OwnerAllows`: only when the cluster's owner starts the operator with `--allow-keys`.
 * `Free`: everything else.
 */
export type Protection = 'Never' | 'OwnerAllows' | 'Free';

/** Globs in which `*` does not cross `/`. */
export const NEVER_KEYS: readonly string[] = [
  'kubernetes.io/metadata.name',
  'kubectl.kubernetes.io/*',
  'applyset.kubernetes.io/*',
  'control-plane.alpha.kubernetes.io/*',
  'deployment.kubernetes.io/*',
  'meta.helm.sh/*',
  'helm.sh/*',
  'argocd.argoproj.io/*',
  '*.toolkit.fluxcd.io/*',
  'watchkeeper.dev/*',
  'pod-template-hash',
  'controller-revision-hash',
  'controller-uid',
  'job-name',
  'statefulset.kubernetes.io/*',
  'batch.kubernetes.io/*',
];

export const OWNER_ALLOWS_KEYS: readonly string[] = [
  'pod-security.kubernetes.io/*',
  'rbac.authorization.k8s.io/*',
  'node-restriction.kubernetes.io/*',
  'node-role.kubernetes.io/*',
  'node.kubernetes.io/*',
  'topology.kubernetes.io/*',
  'container.apparmor.*/*',
  'istio-injection',
  '*istio.io/*',
  'linkerd.io/*',
  'app.kubernetes.io/instance',
  'app.kubernetes.io/managed-by',
];

/** Kubernetes' own domains, under which every label is its cluster owner's, and the one below them that is made for everybody. */
export const RESERVED_LABEL_DOMAINS = { of: ['kubernetes.io', 'k8s.io'], but: 'app.kubernetes.io' } as const;

const isNever = anyGlob(NEVER_KEYS);
const isOwners = anyGlob(OWNER_ALLOWS_KEYS);

export function protectionOf(kind: KeyKind, key: string): Protection {
  if (isNever(key)) return 'Never';
  if (isOwners(key)) return 'OwnerAllows';
  return kind === 'label' && isReservedLabel(key) ? 'OwnerAllows' : 'Free';
}

function isReservedLabel(key: string): boolean {
  const slash = key.indexOf('/');
  const prefix = slash === -1 ? '' : key.slice(0, slash);
  if (prefix === RESERVED_LABEL_DOMAINS.but) return false;
  return RESERVED_LABEL_DOMAINS.of.some((domain) => prefix === domain || prefix.endsWith(`.${domain}`));
}

interface Excepted {
  readonly group: string;
  /** '*' for the whole group. */
  readonly resource: string;
  readonly reason: string;
}

const NEVER_TARGETS: readonly Excepted[] = [
  { group: '', resource: 'events', reason: 'Events come by the thousand and go by themselves' },
  { group: 'events.k8s.io', resource: 'events', reason: 'Events come by the thousand and go by themselves' },
  { group: 'coordination.k8s.io', resource: 'leases', reason: 'Leases are rewritten every few seconds' },
  { group: '', resource: 'endpoints', reason: 'Endpoints are made and rewritten by controllers' },
  {
    group: 'discovery.k8s.io',
    resource: 'endpointslices',
    reason: 'EndpointSlices are made and rewritten by controllers',
  },
  { group: 'watchkeeper.dev', resource: '*', reason: 'policies do not rule policies' },
  { group: 'wgpolicyk8s.io', resource: '*', reason: 'reports of policies are not ruled by policies' },
  { group: 'openreports.io', resource: '*', reason: 'reports of policies are not ruled by policies' },
];

const GLOB_SKIPPED: readonly Excepted[] = [
  { group: '', resource: 'secrets', reason: 'Secrets must be named exactly' },
  { group: 'rbac.authorization.k8s.io', resource: '*', reason: 'resources of access control must be named exactly' },
  {
    group: 'admissionregistration.k8s.io',
    resource: '*',
    reason: 'resources of admission control must be named exactly',
  },
  { group: 'apiextensions.k8s.io', resource: '*', reason: 'CustomResourceDefinitions must be named exactly' },
  { group: 'apiregistration.k8s.io', resource: '*', reason: 'APIServices must be named exactly' },
  { group: 'certificates.k8s.io', resource: '*', reason: 'resources of certificates must be named exactly' },
];

/** What people put into ConfigMaps is often confidential. */
const CONFIG_MAP_DATA: ReadonlySet<string> = new Set(['data', 'binaryData']);

/** Namespaces that namespace globs leave out; they must be named exactly. */
export const GLOB_SKIPPED_NAMESPACES: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease'];

/**
 * Why no policy may be about this resource, as a clause; undefined when one may. The operator's own namespace is
 * checked elsewhere.
 */
export function neverTarget(resource: GroupResource): string | undefined {
  return reasonFor(resource, NEVER_TARGETS);
}

/** Why a glob leaves this resource out although it fits, as a clause; undefined when it does not. */
export function skippedByGlobs(resource: GroupResource): string | undefined {
  return reasonFor(resource, GLOB_SKIPPED);
}

/** Why a glob leaves this resource out for a policy that reads these fields of objects, as a clause; undefined when it does not. */
export function unreadByGlobs({ group, resource }: GroupResource, fields: readonly string[]): string | undefined {
  if (group !== '' || resource !== 'configmaps') return undefined;
  return fields.some((field) => CONFIG_MAP_DATA.has(field))
    ? 'ConfigMaps must be named exactly where their data is read'
    : undefined;
}

function reasonFor({ group, resource }: GroupResource, table: readonly Excepted[]): string | undefined {
  return table.find((row) => row.group === group && (row.resource === '*' || row.resource === resource))?.reason;
}

function anyGlob(globs: readonly string[]): (key: string) => boolean {
  const matchers = globs.map((glob) => compileGlob(glob, { separator: '/' }));
  return (key) => matchers.some((matches) => matches(key));
}
