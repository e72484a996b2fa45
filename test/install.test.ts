import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Admin, createAdmin } from './cluster/api.ts';
import { type ControlPlane, startControlPlane } from './cluster/control-plane.ts';
import { at } from './cluster/kube-object.ts';
import { type Applier, applier } from './support/apply-manifests.ts';

const project = join(import.meta.dirname, '..');
const installFile = join(project, 'deploy', 'install.yaml');
const targetsFile = join(project, 'deploy', 'targets.yaml');
const deploymentPath = '/apis/apps/v1/namespaces/watchkeeper/deployments/watchkeeper';
const json = { 'content-type': 'application/json' };
const policyFolder = join(project, 'config', 'policies');

// A control plane of its own: what is installed here is installed for everybody.
let controlPlane: ControlPlane;
let admin: Admin;
let manifests: Applier;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  admin = await createAdmin(controlPlane);
  manifests = applier(controlPlane.kubeconfig, admin);
  await manifests.apply(installFile);
  await admin.waitForCrd('watchpolicies.watchkeeper.dev');
});
afterAll(async () => {
  admin.close();
  await controlPlane.stop();
});

test('the installation can be applied again and again, for real and as a server dry run', async () => {
  const { metadata } = await admin.get(deploymentPath);
  await manifests.dryRun(installFile);
  await manifests.apply(installFile);
  expect((await admin.get(deploymentPath)).metadata.resourceVersion).toBe(metadata.resourceVersion);
});

/** The pod of the Deployment as the server stored it. */
async function podSpec(): Promise<object> {
  const deployment = await admin.get(deploymentPath);
  const spec = at(deployment, 'spec', 'template', 'spec');
  if (typeof spec !== 'object' || spec === null) throw new Error('the Deployment has no pod');
  return spec;
}

function pod(spec: object) {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'operator' }, spec };
}

describe("the operator's pod", () => {
  const podPath = '/api/v1/namespaces/watchkeeper/pods?dryRun=All';

  test('G13: is let into its namespace, which lets in none but restricted ones', async () => {
    const spec = await podSpec();
    await expect(admin.json('POST', podPath, pod(spec), json)).resolves.toMatchObject({ kind: 'Pod' });
    await expect(admin.json('POST', podPath, pod({ ...spec, hostNetwork: true }), json)).rejects.toThrow(
      'violates PodSecurity "restricted:latest"',
    );
  });

  test('G13: has a read-only root, the token that only it asks for, and two replicas of which one always stays', async () => {
    const spec = await podSpec();
    expect(at(spec, 'containers', 0, 'securityContext', 'readOnlyRootFilesystem')).toBe(true);
    expect(at(spec, 'volumes')).toBeUndefined();
    const account = await admin.get('/api/v1/namespaces/watchkeeper/serviceaccounts/watchkeeper');
    expect([account['automountServiceAccountToken'], at(spec, 'automountServiceAccountToken')]).toEqual([false, true]);
    const deployment = await admin.get(deploymentPath);
    // The new one stands by before an old one is asked to stop.
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
    expect(at(deployment, 'spec')).toMatchObject({ replicas: 2, strategy });
    const budget = await admin.get('/apis/policy/v1/namespaces/watchkeeper/poddisruptionbudgets/watchkeeper');
    expect(at(budget, 'spec', 'minAvailable')).toBe(1);
    expect(at(budget, 'spec', 'selector')).toEqual(at(deployment, 'spec', 'selector'));
  });
});

test('the opt-in file can be applied again and again, for real and as a server dry run', async () => {
  const path = '/apis/rbac.authorization.k8s.io/v1/clusterroles/watchkeeper-targets';
  await manifests.apply(targetsFile);
  const { metadata } = await admin.get(path);
  await manifests.dryRun(targetsFile);
  await manifests.apply(targetsFile);
  expect((await admin.get(path)).metadata.resourceVersion).toBe(metadata.resourceVersion);
});

test('requests for the Lease can be put before others', async () => {
  const file = join(project, 'deploy', 'lease-priority.yaml');
  await manifests.dryRun(file);
  await manifests.apply(file);
  const path = '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/watchkeeper-leader-election';
  await expect
    .poll(async () => at(await admin.get(path), 'status', 'conditions', 0))
    .toMatchObject({ type: 'Dangling', status: 'False' });
  await admin.delete(path);
});

test.each(readdirSync(policyFolder))('the ready policy %s is accepted by the API server', async (file) => {
  await manifests.dryRun(join(policyFolder, file));
  await manifests.apply(join(policyFolder, file));
  const path = `/apis/watchkeeper.dev/v1alpha1/watchpolicies/${file.replace('.yaml', '')}`;
  expect(at(await admin.get(path), 'spec', 'mode')).toBe('Audit');
});
