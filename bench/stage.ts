import { ensureBinaries } from '../test/cluster/build-binaries.ts';
import { type ControlPlane, startControlPlane } from '../test/cluster/control-plane.ts';
import { Installation, type InstalledParts, install } from '../test/support/installation.ts';
import { ProductProcess } from '../test/support/product-process.ts';
import { type Bench, NODE_FLAGS } from './bench.ts';

/** A control plane of its own with Watchkeeper installed on it, for some rows. */
export class BenchStage extends Installation {
  readonly bench: Bench;
  /** This process started it, and may look at its processes. */
  readonly controlPlane: ControlPlane;

  constructor(bench: Bench, controlPlane: ControlPlane, parts: InstalledParts) {
    super(parts);
    this.bench = bench;
    this.controlPlane = controlPlane;
  }

  /** The operator as in the image; ends with the benchmark at the latest. It may not be ready yet. */
  async launchOperator(
    args: readonly string[] = [],
    nodeFlags: readonly string[] = [],
    identity = 'operator',
  ): Promise<ProductProcess> {
    const { bundle } = await this.bench.product();
    const operator = new ProductProcess({
      bundle,
      kubeconfig: this.operatorKubeconfig,
      identity,
      args: ['--log-level', 'info', ...args],
      nodeFlags: [...NODE_FLAGS, ...nodeFlags],
    });
    this.bench.watchdog.watch(operator.pid);
    void operator.exited.then(() => this.bench.watchdog.forget(operator.pid));
    return operator;
  }

  async startOperator(args: readonly string[] = [], nodeFlags: readonly string[] = []): Promise<ProductProcess> {
    const operator = await this.launchOperator(args, nodeFlags);
    await operator.ready();
    return operator;
  }
}

/** Runs rows on a stage of their own. */
export async function onStage(bench: Bench, run: (stage: BenchStage) => Promise<void>): Promise<void> {
  await using controlPlane = await startControlPlane({ binaries: await ensureBinaries() });
  const stage = new BenchStage(bench, controlPlane, await install(controlPlane));
  try {
    await run(stage);
  } finally {
    stage.admin.close();
  }
}
