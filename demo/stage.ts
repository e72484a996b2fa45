import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildProduct } from '../scripts/build.ts';
import type { Binaries } from '../test/cluster/binaries.ts';
import { type ControlPlane, startControlPlane } from '../test/cluster/control-plane.ts';
import { at } from '../test/cluster/kube-object.ts';
import { Watchdog } from '../test/cluster/watchdog.ts';
import { FIXTURE_CRDS } from '../test/support/custom-kinds.ts';
import { Installation, install } from '../test/support/installation.ts';
import { ProductProcess } from '../test/support/product-process.ts';
import { COST_CENTER, CRDS, NAMESPACES, SAMPLES } from './samples.ts';
import { count, type Done, type Terminal } from './terminal.ts';

const root = dirname(import.meta.dirname);

/** Everything that the story is told on. */
export interface Stage {
  readonly controlPlane: ControlPlane;
  readonly installation: Installation;
  readonly operator: ProductProcess;
}

export interface StageOptions {
  readonly binaries: Binaries;
  readonly terminal: Terminal;
  /** Takes down what was set up, also when the rest could not be. */
  readonly endings: AsyncDisposableStack;
  /** Called as soon as the operator runs, ready or not. */
  readonly onOperator: (operator: ProductProcess) => void;
}

/** A control plane, Watchkeeper on it by its manifests, custom kinds with some objects, and the operator. */
export async function setStage({ binaries, terminal, endings, onOperator }: StageOptions): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'watchkeeper-demo-'));
  // However this process ends, the operator ends with it and the folder goes.
  const watchdog = new Watchdog(folder);
  endings.defer(async () => watchdog.release());

  const controlPlane = await terminal.step('Control plane', async () => {
    const value = await startControlPlane({ binaries });
    endings.defer(async () => {
      // Nobody will miss its data, and after Ctrl-C it would wait for requests that are still coming in.
      await value.killApiServer();
      await value.stop();
    });
    return { outcome: `etcd and kube-apiserver at ${value.url}`, value };
  });
  const installation = await terminal.step('Watchkeeper', async () => {
    const value = new Installation(await install(controlPlane));
    endings.defer(async () => value.admin.close());
    await value.admin.applyFile(join(import.meta.dirname, 'rights.yaml'));
    const version = String(at(await value.admin.json('GET', '/version'), 'gitVersion'));
    return { outcome: `on Kubernetes ${version}: deploy/install.yaml, deploy/targets.yaml, demo/rights.yaml`, value };
  });
  await terminal.step('Custom kinds', async () => addKinds(installation));
  const operator = await terminal.step('Operator', async () => {
    const building = buildProduct(join(root, 'src', 'main.ts'), join(folder, 'dist'));
    // It writes into the folder, which goes last.
    endings.defer(async () => void (await building.catch(() => undefined)));
    const { bundle, bytes } = await building;
    // After Ctrl-C nothing may be started that nobody would stop.
    if (endings.disposed) throw new Error('the demo is over');
    const value = new ProductProcess({ bundle, kubeconfig: installation.operatorKubeconfig });
    watchdog.watch(value.pid);
    void value.exited.then(() => watchdog.forget(value.pid));
    endings.defer(async () => void (await value.stop()));
    onOperator(value);
    await value.ready();
    return {
      outcome: `${(bytes / 1024 / 1024).toFixed(1)} MiB, built, started with its service account's token, ready`,
      value,
    };
  });
  await terminal.step('Objects', async () => addSamples(installation));
  return { controlPlane, installation, operator };
}

async function addKinds({ admin }: Installation): Promise<Done<void>> {
  const names: string[] = [];
  for (const file of CRDS) {
    for (const { metadata } of await admin.applyFile(join(FIXTURE_CRDS, `${file}.yaml`))) names.push(metadata.name);
  }
  for (const name of names) await admin.waitForCrd(name);
  return { outcome: names.join(', '), value: undefined };
}

async function addSamples({ admin }: Installation): Promise<Done<void>> {
  for (const [name, costCenter] of Object.entries(NAMESPACES)) {
    const metadata = { name, labels: { [COST_CENTER]: costCenter } };
    await admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata });
  }
  await admin.createMany(SAMPLES, 4);
  const namespaces = Object.entries(NAMESPACES).map(([name, costCenter]) => `${name} (${COST_CENTER}: ${costCenter})`);
  return { outcome: `${count(SAMPLES.length, 'object')} in ${namespaces.join(' and ')}`, value: undefined };
}
