import type { Admin } from '../cluster/api.ts';
import { eventually } from '../cluster/eventually.ts';
import { at, type KubeObject, type Manifest } from '../cluster/kube-object.ts';
import { POLICIES } from '../support/installation.ts';
import { SIZES } from './fleet.ts';

/** Collections that hold the fleet's objects. */
export function collections(namespace: string): readonly string[] {
  const core = ['configmaps', 'persistentvolumeclaims', 'services'].map(
    (resource) => `/api/v1/namespaces/${namespace}/${resource}`,
  );
  return [...core, `/apis/${SIZES.group}/v1/namespaces/${namespace}/${SIZES.resource}`];
}

export const LEDGER = '/api/v1/namespaces/watchkeeper/configmaps/watchkeeper-ledger';
const RIGHTS = 'upgrade-sizes';

/** All objects of the fleet, by path. */
export async function fleetObjects(admin: Admin, namespace: string): Promise<ReadonlyMap<string, KubeObject>> {
  const lists = await Promise.all(
    collections(namespace).map(async (path) => {
      const { items } = await admin.list(path);
      return items.map((item) => [`${path}/${item.metadata.name}`, item] as const);
    }),
  );
  return new Map(lists.flat());
}

/** Path and resourceVersion of each object, less those that are told apart by their names. */
export async function versions(
  admin: Admin,
  namespace: string,
  isLeftOut: (name: string) => boolean = () => false,
): Promise<ReadonlyMap<string, string>> {
  const objects = [...(await fleetObjects(admin, namespace))];
  return new Map(
    objects
      .filter(([, { metadata }]) => !isLeftOut(metadata.name))
      .map(([path, { metadata }]) => [path, metadata.resourceVersion]),
  );
}

/** Brings the CRD to this form; resolves once the server goes by it. */
export async function applySizeCrd(admin: Admin, crd: Manifest, namespace: string): Promise<void> {
  await admin.apply(crd, { force: true });
  await admin.waitForCrd(crd.metadata.name ?? '');
  const spec = at(crd, 'spec', 'versions', 0, 'schema', 'openAPIV3Schema', 'properties', 'spec');
  const takesText = at(spec, 'x-kubernetes-preserve-unknown-fields') === true;
  const path = `/apis/${SIZES.group}/v1/namespaces/${namespace}/sizes/probe?fieldManager=probe&dryRun=All`;
  const body = { apiVersion: `${SIZES.group}/v1`, kind: 'Size', metadata: { name: 'probe' }, spec: { size: 'big' } };
  const headers = { 'content-type': 'application/apply-patch+yaml' };
  await eventually(
    'the schema of the CRD',
    async () => (await admin.request('PATCH', path, body, headers)).status < 300,
    (isTaken) => isTaken === takesText,
  );
}

/** What the operator may do is granted kind by kind; nobody else knows of this one. */
export async function grantSizes(admin: Admin): Promise<void> {
  const apiGroup = 'rbac.authorization.k8s.io';
  const metadata = { name: RIGHTS };
  const rules = [{ apiGroups: [SIZES.group], resources: [SIZES.resource], verbs: ['get', 'list', 'watch', 'patch'] }];
  const subjects = [{ kind: 'ServiceAccount', name: 'watchkeeper', namespace: 'watchkeeper' }];
  const roleRef = { apiGroup, kind: 'ClusterRole', name: RIGHTS };
  const apiVersion = `${apiGroup}/v1`;
  await admin.apply({ apiVersion, kind: 'ClusterRole', metadata, rules }, { force: true });
  await admin.apply({ apiVersion, kind: 'ClusterRoleBinding', metadata, roleRef, subjects }, { force: true });
}

/** Applies a policy; resolves to its uid. */
export async function applyPolicy(admin: Admin, name: string, spec: object): Promise<string> {
  const manifest = { apiVersion: 'watchkeeper.dev/v1alpha1', kind: 'WatchPolicy', metadata: { name }, spec };
  return (await admin.apply(manifest, { force: true })).metadata.uid;
}

/** The statuses of these policies, by name. */
export async function statuses(admin: Admin, names: Iterable<string>): Promise<ReadonlyMap<string, unknown>> {
  const found = [...names].map(async (name) => [name, (await admin.get(`${POLICIES}/${name}`))['status']] as const);
  return new Map(await Promise.all(found));
}

/** Takes the objects, their kind and the rights away. */
export async function clearFleet(admin: Admin, namespace: string): Promise<void> {
  for (const path of collections(namespace)) await admin.request('DELETE', path);
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const crd = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${SIZES.resource}.${SIZES.group}`;
  for (const path of [crd, `${rbac}/clusterrolebindings/${RIGHTS}`, `${rbac}/clusterroles/${RIGHTS}`]) {
    await admin.request('DELETE', path);
  }
}
