import { ensureBinaries } from './build-binaries.ts';
import { startControlPlane } from './control-plane.ts';

/** A control plane to play with, until Ctrl-C. */
async function main(): Promise<void> {
  const binaries = await ensureBinaries();
  const interrupted = untilInterrupted();
  process.stderr.write('Starting etcd, kube-apiserver and kube-controller-manager ...\n');
  const controlPlane = await startControlPlane({ binaries, controllerManager: true });
  process.stdout.write(`
The control plane is ready at ${controlPlane.url}

  export KUBECONFIG=${controlPlane.kubeconfig}
  kubectl get namespaces

Logs of its servers and the audit log are in ${controlPlane.dir}
Ctrl-C stops it and removes all of its data.
`);
  await interrupted;
  process.stderr.write('\nStopping ...\n');
  await controlPlane.stop();
}

/** Listens on: npm passes Ctrl-C on to a process that had it from the terminal already. */
async function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.on('SIGINT', resolve);
    process.on('SIGTERM', resolve);
  });
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
