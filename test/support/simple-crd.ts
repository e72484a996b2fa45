import type { Admin } from '../cluster/api.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

export interface SimpleCrd {
  readonly group: string;
  readonly plural: string;
  readonly scope?: 'Namespaced' | 'Cluster';
  /** The storage version first. */
  readonly versions?: readonly string[];
  /** Of these, those that are not served. */
  readonly unserved?: readonly string[];
}

/** The kind of a CRD that `installCrd` makes: `widgets` are of kind `Widgets`. */
export function kindOf(plural: string): string {
  return plural.charAt(0).toUpperCase() + plural.slice(1);
}

/** A CRD that takes any `spec`; resolves when its objects can be created. */
export async function installCrd(admin: Admin, crd: SimpleCrd): Promise<void> {
  const { group, plural, scope = 'Namespaced', versions = ['v1'], unserved = [] } = crd;
  const name = `${plural}.${group}`;
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
    },
  };
  await admin.apply({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name },
    spec: {
      group,
      scope,
      names: { plural, singular: plural, kind: kindOf(plural), listKind: `${kindOf(plural)}List` },
      versions: versions.map((version, i) => ({
        name: version,
        served: !unserved.includes(version),
        storage: i === 0,
        schema,
      })),
    },
  });
  await admin.waitForCrd(name);
}

export async function removeCrd(admin: Admin, { group, plural }: SimpleCrd): Promise<void> {
  const path = `${CRDS}/${plural}.${group}`;
  if ((await admin.find(path)) === undefined) return;
  await admin.delete(path);
  await admin.waitForGone(path);
}
