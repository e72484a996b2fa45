import { inject } from 'vitest';
import { askBroker } from './broker.ts';
import type { ClusterHandle } from './cluster-handle.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the Unix socket that `vitest-setup.ts` listens on. */
    clusterBroker: string;
  }
}

export interface SharedOptions {
  /** Another control plane, that runs kube-controller-manager too. Default false. */
  readonly controllerManager?: boolean;
}

/**
 * The control plane that all test files share which this worker slot runs, one after another; it is started by the
 * first of them and stopped when the run ends. What a file leaves behind is seen by the next: use namespaces of your
 * own, and remove what is cluster-wide. A test that kills, pauses or compacts calls `startControlPlane` instead.
 */
export async function sharedControlPlane({ controllerManager = false }: SharedOptions = {}): Promise<ClusterHandle> {
  const slot = process.env['VITEST_POOL_ID'] ?? '1';
  return askBroker(inject('clusterBroker'), { slot, controllerManager });
}
