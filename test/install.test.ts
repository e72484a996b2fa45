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

  test('G13: has a read-only root, the token that only it asks for, and one replica that is replaced, not joined', async () => {
    const spec = await podSpec();
    expect(at(spec, 'containers', 0, 'securityContext', 'readOnlyRootFilesystem')).toBe(true);
    expect(at(spec, 'volumes')).toBeUndefined();
    const account = await admin.get('/api/v1/namespaces/watchkeeper/serviceaccounts/watchkeeper');
    expect([account['automountServiceAccountToken'], at(spec, 'automountServiceAccountToken')]).toEqual([false, true]);
    const deployment = await admin.get(deploymentPath);
    expect(at(deployment, 'spec')).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
  });
});

interface Attempt {
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** Whether the API server lets the operator's service account do this. */
async function may(attempt: Attempt): Promise<boolean> {
  const review = await admin.json(
    'POST',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: 'system:serviceaccount:watchkeeper:watchkeeper',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:watchkeeper', 'system:authenticated'],
        resourceAttributes: attempt,
      },
    },
    json,
  );
  return at(review, 'status', 'allowed') === true;
}

const ledger = { resource: 'configmaps', namespace: 'watchkeeper', name: 'watchkeeper-ledger' };
const policies = { group: 'watchkeeper.dev', resource: 'watchpolicies' };

describe('the operator may, once installed,', () => {
  test.each<Attempt>([
    { verb: 'list', ...policies },
    { verb: 'watch', ...policies },
    { verb: 'patch', ...policies, subresource: 'status' },
    { verb: 'watch', group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
    { verb: 'watch', group: 'apiregistration.k8s.io', resource: 'apiservices' },
    { verb: 'watch', resource: 'namespaces' },
    { verb: 'create', group: 'authorization.k8s.io', resource: 'selfsubjectaccessreviews' },
    { verb: 'create', resource: 'configmaps', namespace: 'watchkeeper' },
    { verb: 'get', ...ledger },
    { verb: 'patch', ...ledger },
  ])('$verb $group $resource $subresource $name', async (attempt) => {
    expect(await may(attempt)).toBe(true);
  });
});

describe('the operator may not, once installed,', () => {
  test.each<Attempt>([
    { verb: 'patch', ...policies },
    { verb: 'delete', ...policies },
    { verb: 'patch', resource: 'namespaces' },
    { verb: 'patch', group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
    { verb: 'list', resource: 'secrets' },
    { verb: 'get', resource: 'secrets', namespace: 'watchkeeper' },
    { verb: 'list', resource: 'configmaps' },
    { verb: 'patch', resource: 'configmaps', namespace: 'default' },
    { verb: 'patch', resource: 'configmaps', namespace: 'watchkeeper', name: 'kube-root-ca.crt' },
    { verb: 'create', resource: 'configmaps', namespace: 'default' },
    { verb: 'delete', ...ledger },
    { verb: 'list', group: 'apps', resource: 'deployments' },
    { verb: 'create', resource: 'pods', namespace: 'watchkeeper' },
    { verb: 'create', resource: 'serviceaccounts', subresource: 'token', namespace: 'watchkeeper' },
    { verb: 'impersonate', resource: 'users' },
  ])('$verb $group $resource $subresource $namespace $name', async (attempt) => {
    expect(await may(attempt)).toBe(false);
  });
});

test('the opt-in file grants listing, watching and patching its kinds, and nothing beside', async () => {
  await manifests.apply(targetsFile);
  await manifests.dryRun(targetsFile);
  const deployments = { group: 'apps', resource: 'deployments', namespace: 'default' };
  // The server reads new roles a moment after it has taken them.
  for (const verb of ['list', 'watch', 'patch']) {
    await expect.poll(async () => may({ verb, ...deployments }), { message: verb }).toBe(true);
    expect(await may({ verb, resource: 'secrets', namespace: 'default' }), verb).toBe(false);
  }
  for (const verb of ['get', 'create', 'update', 'delete'])
    expect(await may({ verb, ...deployments }), verb).toBe(false);
  expect(await may({ verb: 'patch', ...deployments, subresource: 'scale' })).toBe(false);
  expect(await may({ verb: 'create', resource: 'pods', subresource: 'exec', namespace: 'default' })).toBe(false);
  await admin.delete('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/watchkeeper-targets');
  await expect.poll(async () => may({ verb: 'patch', ...deployments })).toBe(false);
});

test.each(readdirSync(policyFolder))('the ready policy %s is accepted by the API server', async (file) => {
  await manifests.dryRun(join(policyFolder, file));
  await manifests.apply(join(policyFolder, file));
  const path = `/apis/watchkeeper.dev/v1alpha1/watchpolicies/${file.replace('.yaml', '')}`;
  expect(at(await admin.get(path), 'spec', 'mode')).toBe('Audit');
});
