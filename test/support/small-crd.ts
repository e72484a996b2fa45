import { eventually } from '../cluster/eventually.ts';
import { conditionOf, type Manifest } from '../cluster/kube-object.ts';
import type { Installation } from './installation.ts';

export const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** What a test says of a kind of its own. */
export interface SmallKind {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
  /** Default `Namespaced`. */
  readonly scope?: 'Namespaced' | 'Cluster';
  /** In order; the first is stored. Default v1 alone. */
  readonly versions?: readonly { readonly name: string; readonly served?: boolean; readonly storage?: boolean }[];
  readonly description?: string;
  readonly conversion?: object;
}

/** A CustomResourceDefinition whose objects may hold anything in `spec`. */
export function smallCrd(small: SmallKind): Manifest {
  const { group, plural, kind, scope = 'Namespaced', versions = [{ name: 'v1' }], conversion } = small;
  const spec = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const openAPIV3Schema = { type: 'object', description: small.description ?? kind, properties: { spec } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: crdName(small) },
    spec: {
      group,
      scope,
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: versions.map(({ name, served = true, storage }, index) => ({
        name,
        served,
        storage: storage ?? index === 0,
        schema: { openAPIV3Schema },
      })),
      ...(conversion === undefined ? {} : { conversion }),
    },
  };
}

export function crdName({ group, plural }: SmallKind): string {
  return `${plural}.${group}`;
}

/** An object of the kind; without a namespace for a cluster-scoped one. */
export function smallObject({ group, kind }: SmallKind, name: string, namespace?: string, version = 'v1'): Manifest {
  const metadata = namespace === undefined ? { name } : { name, namespace };
  return { apiVersion: `${group}/${version}`, kind, metadata, spec: { size: 1 } };
}

/** Path of the collection, in one namespace or over all. */
export function collectionOf({ group, plural }: SmallKind, namespace?: string, version = 'v1'): string {
  const root = `/apis/${group}/${version}`;
  return namespace === undefined ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`;
}

function isEstablished(crd: unknown): boolean {
  return conditionOf(crd, 'Established')?.['status'] === 'True';
}

/** Makes or changes CRDs from outside, and puts objects in as soon as the server takes them. */
export class SmallCrds {
  readonly #stage: Pick<Installation, 'admin'>;

  constructor(stage: Pick<Installation, 'admin'>) {
    this.#stage = stage;
  }

  /** One that is on its way out is established until it is gone, and would go all the same: another takes its place. */
  async apply(small: SmallKind): Promise<void> {
    const { admin } = this.#stage;
    const crd = await admin.apply(smallCrd(small), { force: true });
    if (crd.metadata.deletionTimestamp === undefined) return;
    await admin.waitForGone(`${CRDS}/${crdName(small)}`);
    await admin.apply(smallCrd(small), { force: true });
  }

  async established(small: SmallKind): Promise<void> {
    await this.#stage.admin.waitFor(`${CRDS}/${crdName(small)}`, isEstablished);
  }

  /** Resolves when the CRD and all its objects are gone. */
  async remove(small: SmallKind): Promise<void> {
    const path = `${CRDS}/${crdName(small)}`;
    await this.#stage.admin.delete(path);
    await this.#stage.admin.waitForGone(path, { intervalMs: 5 });
  }

  /** By apply: a POST is held back by kube-apiserver itself until 2 s after it called the kind established. */
  async put(small: SmallKind, name: string, namespace?: string, version = 'v1'): Promise<string> {
    const object = smallObject(small, name, namespace, version);
    const path = `${collectionOf(small, namespace, version)}/${name}`;
    const headers = { 'content-type': 'application/apply-patch+yaml' };
    await eventually(
      `${path} applied`,
      () => this.#stage.admin.json('PATCH', `${path}?fieldManager=test-admin&force=true`, object, headers),
      () => true,
      { intervalMs: 5 },
    );
    return path;
  }
}
