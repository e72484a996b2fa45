import { dirname, join } from 'node:path';
import { type Admin, createAdmin } from '../cluster/api.ts';
import type { AuditEntry, AuditMark } from '../cluster/audit-log.ts';
import type { ClusterHandle } from '../cluster/cluster-handle.ts';
import { PATIENCE_MS } from '../cluster/eventually.ts';
import { type PolicyView, viewOf } from './policy-view.ts';

const root = dirname(dirname(import.meta.dirname));
export const POLICIES = '/apis/watchkeeper.dev/v1alpha1/watchpolicies';

/** What a policy is written of, without what is always the same. */
export interface PolicySpec {
  readonly mode?: 'Audit' | 'Enforce' | 'Suspended';
  readonly [field: string]: unknown;
}

/** What `install` makes. */
export interface InstalledParts {
  readonly cluster: ClusterHandle;
  readonly admin: Admin;
  /** Path of a kubeconfig with a token of the operator's own service account. */
  readonly operatorKubeconfig: string;
}

/**
 * Installs Watchkeeper as its users do it: by the manifests of `deploy/`. The operator gets the token of its own service
 * account, so that a right that the manifests forget is missing here too.
 */
export async function install(cluster: ClusterHandle): Promise<InstalledParts> {
  const admin = await createAdmin(cluster);
  await admin.applyFile(join(root, 'deploy', 'install.yaml'));
  await admin.applyFile(join(root, 'deploy', 'targets.yaml'));
  await admin.waitForCrd('watchpolicies.watchkeeper.dev');
  const operatorKubeconfig = await cluster.kubeconfigFor({ namespace: 'watchkeeper', name: 'watchkeeper' });
  return { cluster, admin, operatorKubeconfig };
}

/** A cluster on which Watchkeeper is installed, seen from outside. */
export class Installation implements InstalledParts {
  readonly cluster: ClusterHandle;
  readonly admin: Admin;
  readonly operatorKubeconfig: string;
  /** Paths of the bindings by which rights were given. */
  readonly #grants = new Set<string>();

  constructor({ cluster, admin, operatorKubeconfig }: InstalledParts) {
    this.cluster = cluster;
    this.admin = admin;
    this.operatorKubeconfig = operatorKubeconfig;
  }

  async applyPolicy(name: string, spec: PolicySpec): Promise<void> {
    await this.admin.apply(
      { apiVersion: 'watchkeeper.dev/v1alpha1', kind: 'WatchPolicy', metadata: { name }, spec },
      { force: true },
    );
  }

  async deletePolicy(name: string): Promise<void> {
    await this.admin.delete(`${POLICIES}/${name}`);
  }

  /** Lets the operator watch and write further kinds; returns how to take the right away again. */
  async grant(
    apiGroup: string,
    resources: readonly string[],
    verbs = ['get', 'list', 'watch', 'patch'],
  ): Promise<() => Promise<void>> {
    const name = `test-targets-${resources.join('-')}-${apiGroup || 'core'}`;
    const metadata = { name };
    const api = 'rbac.authorization.k8s.io';
    await this.admin.apply(
      { apiVersion: `${api}/v1`, kind: 'ClusterRole', metadata, rules: [{ apiGroups: [apiGroup], resources, verbs }] },
      { force: true },
    );
    await this.admin.apply(
      {
        apiVersion: `${api}/v1`,
        kind: 'ClusterRoleBinding',
        metadata,
        roleRef: { apiGroup: api, kind: 'ClusterRole', name },
        subjects: [{ kind: 'ServiceAccount', name: 'watchkeeper', namespace: 'watchkeeper' }],
      },
      { force: true },
    );
    const binding = `/apis/${api}/v1/clusterrolebindings/${name}`;
    this.#grants.add(binding);
    return async () => {
      this.#grants.delete(binding);
      await this.admin.delete(binding);
    };
  }

  /** Takes away all that was granted. */
  async revokeGrants(): Promise<void> {
    await Promise.all([...this.#grants].map(async (binding) => this.admin.delete(binding)));
    this.#grants.clear();
  }

  /** The policy's status once it is as wanted and about the present spec. */
  async policy(name: string, wanted: (policy: PolicyView) => boolean, timeoutMs = PATIENCE_MS): Promise<PolicyView> {
    const found = await this.admin.waitFor(
      `${POLICIES}/${name}`,
      (object) => {
        const view = viewOf(object);
        return view.observedGeneration === view.generation && wanted(view);
      },
      { timeoutMs },
    );
    return viewOf(found);
  }

  /**
   * Writes of objects that the operator has made since, refused ones too; status, Events and ledger left out. With a
   * namespace, only there: elsewhere it may be clearing up after another test.
   */
  async writesSince(mark: AuditMark, inNamespace?: string): Promise<AuditEntry[]> {
    const entries = await this.cluster.entriesSince(mark);
    return entries.filter(
      ({ userAgent, resource, name, namespace }) =>
        userAgent.startsWith('watchkeeper/') &&
        (inNamespace === undefined || namespace === inNamespace) &&
        resource !== 'watchpolicies' &&
        resource !== 'events' &&
        resource !== 'selfsubjectaccessreviews' &&
        resource !== 'leases' &&
        name !== 'watchkeeper-ledger',
    );
  }

  async statusWritesSince(mark: AuditMark): Promise<AuditEntry[]> {
    const entries = await this.cluster.entriesSince(mark);
    return entries.filter(
      ({ userAgent, resource }) => userAgent.startsWith('watchkeeper/') && resource === 'watchpolicies',
    );
  }
}
