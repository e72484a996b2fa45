import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from './cluster/control-plane.ts';
import { stopOperators } from './support/operator-process.ts';
import { runProduct } from './support/run-product.ts';
import { configMap, Stage } from './support/stage.ts';

const deploy = join(import.meta.dirname, '..', 'deploy');

// A control plane of its own, which is left without us. Namespaces go away only where kube-controller-manager runs.
let controlPlane: ControlPlane;
let stage: Stage;
beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: true });
  stage = await Stage.install(controlPlane);
});
afterAll(async () => {
  await stopOperators();
  stage.admin.close();
  await controlPlane.stop();
});

async function kubectl(...args: readonly string[]): Promise<string> {
  const { kubeconfig } = controlPlane;
  const cache = join(dirname(kubeconfig), 'kubectl-cache');
  const { stdout } = await promisify(execFile)('kubectl', ['--kubeconfig', kubeconfig, '--cache-dir', cache, ...args]);
  return stdout;
}

test('deleting the manifests with policies in force ends within a minute and leaves nothing stuck; cleanup takes the labels', async () => {
  const { admin } = stage;
  const ns = await admin.createNamespace('uninstall');
  await admin.createMany(Array.from({ length: 300 }, (_, i) => configMap(ns, `cm-${i}`)));
  const operator = await stage.startOperator();
  await stage.applyPolicy('team', {
    mode: 'Enforce',
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
  });
  const configMaps = `/api/v1/namespaces/${ns}/configmaps`;
  await stage.waitForCount(configMaps, 'team=blue', 300);

  // kubectl waits until everything is gone, and fails where that takes longer.
  await kubectl('delete', '--timeout=60s', '-f', join(deploy, 'targets.yaml'), '-f', join(deploy, 'install.yaml'));
  expect(await admin.find('/api/v1/namespaces/watchkeeper')).toBeUndefined();
  expect(await kubectl('get', 'crds', '-o', 'name')).not.toContain('watchkeeper.dev');
  // Its rights are gone while it runs, as when its pod is slow to end; it ends as it always does.
  expect(await operator.stop()).toBe(0);

  const end = await runProduct(['cleanup', '--kubeconfig', controlPlane.kubeconfig]);
  expect(end, end.stdout).toMatchObject({ code: 0, stderr: '' });
  expect(await stage.countLabelled(configMaps, 'team')).toBe(0);
  const { metadata } = await admin.get(`${configMaps}/cm-7`);
  expect(metadata.managedFields.map(({ manager }) => manager)).toEqual(['test-admin']);
  // Nothing of ours holds an object or its namespace.
  await kubectl('delete', 'namespace', ns, '--timeout=60s');
});
