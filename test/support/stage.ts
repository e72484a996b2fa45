import { afterAll, afterEach, beforeAll } from 'vitest';
import type { ClusterHandle } from '../cluster/cluster-handle.ts';
import { eventually, PATIENCE_MS } from '../cluster/eventually.ts';
import type { KubeObject } from '../cluster/kube-object.ts';
import { sharedControlPlane } from '../cluster/shared.ts';
import { Installation, install, POLICIES } from './installation.ts';
import { type OperatorArguments, OperatorProcess, operatorTails, stopOperators } from './operator-process.ts';
import { runProduct } from './run-product.ts';

export type { PolicySpec } from './installation.ts';
export { is, type PolicyView } from './policy-view.ts';

/** A cluster on which Watchkeeper is installed, and the operator as a process with the rights of its own service account. */
export class Stage extends Installation {
  static async install(cluster: ClusterHandle): Promise<Stage> {
    return new Stage(await install(cluster));
  }

  async startOperator(options: Partial<OperatorArguments> = {}): Promise<OperatorProcess> {
    return OperatorProcess.start({ kubeconfig: this.operatorKubeconfig, ...options });
  }

  launchOperator(options: Partial<OperatorArguments> = {}): OperatorProcess {
    return OperatorProcess.launch({ kubeconfig: this.operatorKubeconfig, ...options });
  }

  /** Labels of one object once they are as wanted. */
  async labels(path: string, wanted: (labels: Readonly<Record<string, string>>) => boolean) {
    const object = await this.admin.waitFor(path, ({ metadata }) => wanted(metadata.labels));
    return object.metadata.labels;
  }

  /** How many objects of a collection have the label; a consistent read. */
  async countLabelled(collection: string, selector: string): Promise<number> {
    return (await this.admin.list(`${collection}?labelSelector=${encodeURIComponent(selector)}`)).items.length;
  }

  async waitForCount(collection: string, selector: string, count: number, timeoutMs = PATIENCE_MS): Promise<void> {
    await eventually(
      `objects with ${selector}`,
      () => this.countLabelled(collection, selector),
      (found) => found === count,
      {
        timeoutMs,
        intervalMs: 50,
      },
    );
  }

  /** Takes away what operators of other tests left on objects: a new one would, and be counted for it. */
  async sweep(): Promise<void> {
    const all = ['--retained', '--allow-keys', '*,*/*'];
    const { code, stdout } = await runProduct(['cleanup', ...all, '--kubeconfig', this.cluster.kubeconfig]);
    if (code !== 0) throw new Error(`the cleanup ended with ${code}:\n${stdout}`);
  }

  /** The same, where there is something left on objects of these collections. */
  async sweepIfLeft(...collections: readonly string[]): Promise<void> {
    const found = await Promise.all(collections.map(async (path) => this.admin.list(path)));
    if (found.some(({ items }) => items.some(isOurs))) await this.sweep();
  }

  async clear(): Promise<void> {
    const { items } = await this.admin.list(POLICIES);
    await Promise.all(items.map(({ metadata }) => this.admin.delete(`${POLICIES}/${metadata.name}`)));
    // Nor does anybody hold the Lease any more: those who did were killed.
    for (const path of ['/api/v1/namespaces/watchkeeper/configmaps/watchkeeper-ledger', LEASE]) {
      if ((await this.admin.find(path)) !== undefined) await this.admin.delete(path);
    }
  }
}

function isOurs({ metadata }: KubeObject): boolean {
  return metadata.managedFields.some(({ manager }) => manager === 'watchkeeper');
}

/** Says which operator leads. */
export const LEASE = '/apis/coordination.k8s.io/v1/namespaces/watchkeeper/leases/watchkeeper';

/**
 * A stage for all tests of a file, cleared of policies, ledger and operators after each, and at the end of rights that
 * were granted and of what operators left on Namespaces.
 */
export function useStage(options: { readonly controllerManager?: boolean } = {}): () => Stage {
  let stage: Stage | undefined;
  beforeAll(async () => {
    stage = await Stage.install(await sharedControlPlane(options));
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(`${operatorTails()}\n`);
    await stopOperators();
    await stage?.clear();
  });
  afterAll(async () => {
    // All operators watch Namespaces.
    await stage?.sweepIfLeft('/api/v1/namespaces');
    await stage?.revokeGrants();
    stage?.admin.close();
  });
  return () => {
    if (stage === undefined) throw new Error('the stage is set in beforeAll');
    return stage;
  };
}

export function configMap(
  namespace: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
  data = { a: 'b' },
) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, labels }, data };
}
