import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Admin, createAdmin } from './cluster/api.ts';
import { type ControlPlane, startControlPlane } from './cluster/control-plane.ts';
import { at } from './cluster/kube-object.ts';
import {
  type Attempt,
  allowed,
  attemptText,
  everyAttempt,
  may,
  mayGet,
  person,
  type Subject,
  serviceAccount,
} from './support/access.ts';

const deploy = join(import.meta.dirname, '..', 'deploy');
const RBAC = 'rbac.authorization.k8s.io';
const POLICIES = { group: 'watchkeeper.dev', resource: 'watchpolicies' };
const OPERATOR = serviceAccount('watchkeeper', 'watchkeeper');
const STRANGER = serviceAccount('default', 'stranger');

// A control plane of its own: what is installed here is installed for everybody. Roles aggregate in kube-controller-manager.
let controlPlane: ControlPlane;
let admin: Admin;
let attempts: Attempt[];
let everybodys: string[] | undefined;
beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: true });
  admin = await createAdmin(controlPlane);
  await admin.applyFile(join(deploy, 'install.yaml'));
  await admin.waitForCrd('watchpolicies.watchkeeper.dev');
  attempts = await everyAttempt(admin, ['default', 'kube-system', 'watchkeeper']);
});
afterAll(async () => {
  admin.close();
  await controlPlane.stop();
});

/** What a subject may do of all that the server has, and a service account to which nobody gave anything may not. */
async function rightsOf(who: Subject): Promise<string[]> {
  everybodys ??= await allowed(admin, STRANGER, attempts);
  const own = await allowed(admin, who, attempts);
  return own.filter((attempt) => everybodys?.includes(attempt) !== true);
}

const NAMESPACES = ['default', 'kube-system', 'watchkeeper'];
const INSTALLED = [
  'create configmaps in watchkeeper',
  'create leases.coordination.k8s.io in watchkeeper',
  'get customresourcedefinitions.apiextensions.k8s.io',
  'get apiservices.apiregistration.k8s.io',
  'get namespaces',
  'get watchpolicies.watchkeeper.dev',
  'list customresourcedefinitions.apiextensions.k8s.io',
  'list apiservices.apiregistration.k8s.io',
  'list namespaces',
  'list watchpolicies.watchkeeper.dev',
  'patch watchpolicies/status.watchkeeper.dev',
  'watch customresourcedefinitions.apiextensions.k8s.io',
  'watch apiservices.apiregistration.k8s.io',
  'watch namespaces',
  'watch watchpolicies.watchkeeper.dev',
  ...NAMESPACES.flatMap((namespace) =>
    ['create', 'patch'].map((verb) => `${verb} events.events.k8s.io in ${namespace}`),
  ),
].toSorted();

describe("the operator's service account", () => {
  test('may, once installed, do this of all verbs on all resources and subresources, and nothing else', async () => {
    expect(attempts.length).toBeGreaterThan(800);
    expect(await rightsOf(OPERATOR)).toEqual(INSTALLED);
    const ledger = { resource: 'configmaps', namespace: 'watchkeeper', name: 'watchkeeper-ledger' };
    expect(
      await allowed(
        admin,
        OPERATOR,
        ['get', 'patch', 'delete', 'list'].map((verb) => ({ verb, ...ledger })),
      ),
    ).toEqual([
      'get configmaps watchkeeper-ledger in watchkeeper',
      'patch configmaps watchkeeper-ledger in watchkeeper',
    ]);
    const lease = { group: 'coordination.k8s.io', resource: 'leases', namespace: 'watchkeeper', name: 'watchkeeper' };
    const named = ['get', 'patch', 'update', 'delete', 'list', 'watch'].map((verb) => ({ verb, ...lease }));
    expect(await allowed(admin, OPERATOR, named)).toEqual([
      'get leases.coordination.k8s.io watchkeeper in watchkeeper',
      'patch leases.coordination.k8s.io watchkeeper in watchkeeper',
    ]);
  });

  test.each<Attempt>([
    { verb: 'impersonate', resource: 'users' },
    { verb: 'impersonate', resource: 'groups', name: 'system:masters' },
    { verb: 'impersonate', resource: 'serviceaccounts', namespace: 'kube-system' },
    { verb: 'impersonate', group: 'authentication.k8s.io', resource: 'uids' },
    { verb: 'escalate', group: RBAC, resource: 'clusterroles' },
    { verb: 'escalate', group: RBAC, resource: 'roles', namespace: 'default' },
    { verb: 'bind', group: RBAC, resource: 'clusterroles', name: 'cluster-admin' },
    { verb: 'bind', group: RBAC, resource: 'roles', namespace: 'default' },
    {
      verb: 'create',
      resource: 'serviceaccounts',
      subresource: 'token',
      namespace: 'watchkeeper',
      name: 'watchkeeper',
    },
    { verb: 'get', resource: 'secrets', namespace: 'watchkeeper', name: 'watchkeeper-token' },
    { verb: 'get', resource: 'nodes', subresource: 'proxy' },
    { verb: 'get', resource: 'pods', subresource: 'exec', namespace: 'watchkeeper' },
    { verb: 'patch', resource: 'configmaps', namespace: 'watchkeeper', name: 'kube-root-ca.crt' },
    { verb: 'approve', group: 'certificates.k8s.io', resource: 'signers', name: 'kubernetes.io/kube-apiserver-client' },
    { verb: 'sign', group: 'certificates.k8s.io', resource: 'signers', name: 'kubernetes.io/kube-apiserver-client' },
    {
      verb: 'attest',
      group: 'certificates.k8s.io',
      resource: 'signers',
      name: 'kubernetes.io/kube-apiserver-client-kubelet',
    },
    { verb: 'allow-reserved-keys', ...POLICIES },
    { verb: '*', group: '*', resource: '*' },
  ])('may not: $verb $group $resource $subresource $namespace $name', async (attempt) => {
    expect(await may(admin, OPERATOR, attempt)).toBe(false);
  });

  test.each(['/metrics', '/logs', '/debug/pprof/', '/configz'])('may not read %s', async (path) => {
    expect(await mayGet(admin, OPERATOR, path)).toBe(false);
  });

  test('may, with the opt-in file, list, watch and patch its kinds, and nothing beside', async () => {
    const kinds = [
      'configmaps',
      'persistentvolumeclaims',
      'services',
      'daemonsets.apps',
      'deployments.apps',
      'statefulsets.apps',
      'cronjobs.batch',
      'jobs.batch',
      'ingresses.networking.k8s.io',
    ];
    const more = kinds.flatMap((kind) =>
      ['list', 'patch', 'watch'].flatMap((verb) => NAMESPACES.map((namespace) => `${verb} ${kind} in ${namespace}`)),
    );
    // The server heeds roles, and that they are gone, a moment after it was told.
    const mayPatch = async () => may(admin, OPERATOR, { verb: 'patch', group: 'apps', resource: 'deployments' });
    onTestFinished(async () => {
      await admin.delete(`/apis/${RBAC}/v1/clusterrolebindings/watchkeeper-targets`);
      await expect.poll(mayPatch).toBe(false);
    });
    await admin.applyFile(join(deploy, 'targets.yaml'));
    await expect.poll(mayPatch).toBe(true);
    expect(await rightsOf(OPERATOR)).toEqual([...INSTALLED, ...more].toSorted());
  });
});

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const READ = ['get', 'list', 'watch'];
const RESERVED = 'allow-reserved-keys';

/** Somebody who holds a ClusterRole, in the whole cluster or in one namespace. */
async function holderOf(role: string, namespace?: string): Promise<Subject> {
  const name = `${role}-${namespace ?? 'everywhere'}`;
  await admin.apply({
    apiVersion: `${RBAC}/v1`,
    kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'User', name, apiGroup: RBAC }],
  });
  return person(name);
}

/** Of all verbs on policies and on their status. */
async function onPolicies(who: Subject): Promise<string[]> {
  const all = [...VERBS, RESERVED].flatMap((verb) => [
    { verb, ...POLICIES },
    { verb, ...POLICIES, subresource: 'status' },
  ]);
  return allowed(admin, who, all);
}

const textOf = (verb: string) => attemptText({ verb, ...POLICIES });

describe('of the roles for people', () => {
  test.each<[string, readonly string[]]>([
    ['watchkeeper-policy-viewer', READ],
    ['watchkeeper-policy-editor', VERBS],
    ['watchkeeper-reserved-keys', [RESERVED]],
    ['view', []],
    ['edit', []],
    ['admin', VERBS],
  ])('G19: %s in the whole cluster gives on policies: %j', async (role, verbs) => {
    const holder = await holderOf(role);
    // Roles aggregate, and are read, a moment after they were written.
    await expect.poll(async () => onPolicies(holder)).toEqual(verbs.map(textOf).toSorted());
  });

  test('G19: none in a namespace lets its holder read or write a policy', async () => {
    for (const role of ['admin', 'watchkeeper-policy-editor', 'watchkeeper-policy-viewer']) {
      const holder = await holderOf(role, 'default');
      await expect.poll(async () => may(admin, holder, { verb: 'get', ...POLICIES, namespace: 'default' })).toBe(true);
      expect(await onPolicies(holder)).toEqual([]);
    }
  });

  test('G19: edit and view in the whole cluster give nothing of ours', async () => {
    for (const role of ['view', 'edit']) {
      const rights = await rightsOf(await holderOf(role));
      expect(rights.length).toBeGreaterThan(50);
      expect(rights.filter((right) => right.includes('watchkeeper.dev'))).toEqual([]);
    }
  });
});

const path = '/apis/watchkeeper.dev/v1alpha1/watchpolicies/guarded';

async function patchAs({ user }: Subject, target: string, body: object): Promise<number> {
  const headers = { 'content-type': 'application/merge-patch+json', 'impersonate-user': user };
  return (await admin.request('PATCH', target, body, headers)).status;
}

describe('a policy', () => {
  test('G17: is suspended, or excepts objects, only by those who may edit it', async () => {
    await admin.apply({
      apiVersion: 'watchkeeper.dev/v1alpha1',
      kind: 'WatchPolicy',
      metadata: { name: 'guarded' },
      spec: {
        mode: 'Audit',
        match: { resources: [{ group: '', resource: 'configmaps' }] },
        rules: [{ name: 'r', forbid: { labels: ['legacy'] } }],
      },
    });
    const suspend = { spec: { mode: 'Suspended' } };
    const except = { spec: { exclude: [{ namespaces: ['default'] }] } };
    const others = await Promise.all(
      ['view', 'edit', 'watchkeeper-policy-viewer', 'watchkeeper-reserved-keys'].map((role) => holderOf(role)),
    );
    for (const who of [...others, await holderOf('admin', 'default'), OPERATOR, STRANGER]) {
      expect([who.user, await patchAs(who, path, suspend), await patchAs(who, path, except)]).toEqual([
        who.user,
        403,
        403,
      ]);
    }
    // The operator writes the status, and nothing of the spec by that.
    expect(await patchAs(OPERATOR, `${path}/status`, { ...suspend, status: { violationsTotal: 0 } })).toBe(200);
    expect(at(await admin.get(path), 'spec', 'mode')).toBe('Audit');

    const editor = await holderOf('watchkeeper-policy-editor');
    await expect.poll(async () => patchAs(editor, path, suspend)).toBe(200);
    expect(at(await admin.get(path), 'spec', 'mode')).toBe('Suspended');
  });
});
