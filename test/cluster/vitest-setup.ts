import type { TestProject } from 'vitest/node';
import { startBroker } from './broker.ts';
import { ensureBinaries } from './build-binaries.ts';
import { startControlPlane } from './control-plane.ts';

/** Vitest's global setup of all tests that need a control plane. Without binaries the run ends here, with a reason. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const binaries = await ensureBinaries();
  const broker = await startBroker(async (options) => startControlPlane({ ...options, binaries }));
  project.provide('clusterBroker', broker.socket);
  return async () => broker.close();
}
