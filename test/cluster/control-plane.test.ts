import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { type Admin, createAdmin } from './api.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { Manifest } from './kube-object.ts';

const Owned = z.object({ dir: z.string(), pids: z.array(z.number()) });

function configMap(namespace: string, name: string, data: Record<string, string> = {}): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // An orphan that has ended keeps its id until init collects it.
  const status = `/proc/${pid}/status`;
  return !existsSync(status) || !/^State:\s+Z/m.test(readFileSync(status, 'utf8'));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(20);
}

describe('a control plane', () => {
  let controlPlane: ControlPlane;
  let admin: Admin;
  let namespace: string;

  beforeAll(async () => {
    controlPlane = await startControlPlane();
    admin = await createAdmin(controlPlane);
    namespace = await admin.createNamespace('control-plane');
  });

  afterAll(async () => {
    admin?.close();
    await controlPlane?.stop();
  });

  test('logs every write, and no read, before its answer is complete', async () => {
    const collection = `/api/v1/namespaces/${namespace}/configmaps`;
    const mark = await controlPlane.auditMark();
    await admin.create(configMap(namespace, 'a'));
    await admin.list(collection);
    await admin.apply(configMap(namespace, 'a', { k: 'v' }), { fieldManager: 'somebody' });
    await expect(admin.create(configMap(namespace, 'a'))).rejects.toThrow('409');
    await admin.delete(`${collection}/a`);

    const entries = (await controlPlane.entriesSince(mark)).filter(({ user }) => user === 'admin');
    expect(entries.map(({ verb, code, fieldManager, name }) => [verb, code, fieldManager, name])).toEqual([
      ['create', 201, '', 'a'],
      ['patch', 200, 'somebody', 'a'],
      ['create', 409, '', 'a'],
      ['delete', 200, '', 'a'],
    ]);
    expect(entries[1]).toMatchObject({ group: '', resource: 'configmaps', subresource: '', namespace, dryRun: false });
    expect(entries[1]).toMatchObject({
      userAgent: 'test-admin',
      requestURI: expect.stringContaining('/configmaps/a?'),
    });
    const all = await controlPlane.auditLog();
    expect(all.length).toBeGreaterThan(entries.length);
    expect(all.filter(({ verb }) => ['get', 'list', 'watch'].includes(verb))).toEqual([]);
  });

  test('writes that others see are in the log, however soon they ask', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `seen-${index}`);
    const collection = `/api/v1/namespaces/${namespace}/configmaps`;
    const mark = await controlPlane.auditMark();
    const answers = Promise.all(names.map((name) => admin.create(configMap(namespace, name))));
    let seen: string[] = [];
    while (seen.length < names.length) {
      const { items } = await admin.list(collection);
      seen = items.map(({ metadata }) => metadata.name).filter((name) => names.includes(name));
      const logged = (await controlPlane.entriesSince(mark)).map(({ name }) => name);
      expect(logged).toEqual(expect.arrayContaining(seen));
    }
    await answers;
  });

  test('counts requests in its metrics', async () => {
    expect(await controlPlane.metrics()).toMatch(/^apiserver_request_total\{.*resource="configmaps".*\} \d+$/m);
  });

  test('holds a service account to what RBAC grants', async () => {
    await admin.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', namespace } });
    const robot = await createAdmin(await controlPlane.kubeconfigFor({ namespace, name: 'robot' }));
    const configMaps = `/api/v1/namespaces/${namespace}/configmaps`;
    await expect(robot.list(configMaps)).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining(`system:serviceaccount:${namespace}:robot`),
    });

    const rbac = 'rbac.authorization.k8s.io/v1';
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }];
    await admin.create({ apiVersion: rbac, kind: 'Role', metadata: { name: 'reader', namespace }, rules });
    await admin.create({
      apiVersion: rbac,
      kind: 'RoleBinding',
      metadata: { name: 'robot', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [{ kind: 'ServiceAccount', namespace, name: 'robot' }],
    });
    await expect.poll(async () => (await robot.request('GET', configMaps)).status).toBe(200);
    await expect(robot.create(configMap(namespace, 'b'))).rejects.toMatchObject({ status: 403 });
    robot.close();
  });

  test('answers nothing while it is paused', async () => {
    const path = `/api/v1/namespaces/${namespace}`;
    controlPlane.pauseApiServer();
    let answered = false;
    const pending = admin.get(path).finally(() => {
      answered = true;
    });
    await delay(300);
    expect(answered).toBe(false);
    controlPlane.resumeApiServer();
    expect((await pending).metadata.name).toBe(namespace);
  });

  test('keeps its data and its address through a kill, and forgets old revisions once etcd is compacted', async () => {
    const collection = `/api/v1/namespaces/${namespace}/configmaps`;
    const { resourceVersion } = await admin.list(collection);
    const atThatTime = `${collection}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`;
    const path = await admin.pathOf(await admin.create(configMap(namespace, 'kept')));
    expect((await admin.list(atThatTime)).resourceVersion).toBe(resourceVersion);

    await controlPlane.killApiServer();
    await expect(admin.get(path)).rejects.toThrow(/ECONN/);
    await controlPlane.startApiServer();
    expect((await admin.get(path)).metadata.name).toBe('kept');
    expect((await admin.request('GET', atThatTime)).status).toBe(200);

    expect(await controlPlane.compactEtcd()).toBeGreaterThan(Number(resourceVersion));
    await controlPlane.restartApiServer();
    expect((await admin.get(path)).metadata.name).toBe('kept');
    expect((await admin.request('GET', atThatTime)).status).toBe(410);
  });
});

test('a control plane with kube-controller-manager fills and ends namespaces', async () => {
  await using controlPlane = await startControlPlane({ controllerManager: true });
  const admin = await createAdmin(controlPlane);
  const namespace = await admin.createNamespace('ending');
  const account = await admin.waitFor(`/api/v1/namespaces/${namespace}/serviceaccounts/default`, () => true);
  expect(account.kind).toBe('ServiceAccount');
  await admin.delete(`/api/v1/namespaces/${namespace}`);
  await admin.waitForGone(`/api/v1/namespaces/${namespace}`);
  admin.close();
});

test('a stopped control plane leaves no process and no folder', async () => {
  const controlPlane = await startControlPlane();
  const { dir, pids } = controlPlane;
  expect(pids.map(isAlive)).toEqual([true, true]);
  expect(existsSync(dir)).toBe(true);
  controlPlane.pauseApiServer();
  await controlPlane.stop();
  expect(pids.filter(isAlive)).toEqual([]);
  expect(existsSync(dir)).toBe(false);
});

test('a control plane that cannot start shows the end of the log and leaves nothing', async () => {
  const starting = startControlPlane({ apiServerFlags: ['--no-such-flag'] });
  await expect(starting).rejects.toThrow(/kube-apiserver ended \(exit code 1\)[^]*unknown flag: --no-such-flag/);
});

test('nothing is left of a control plane whose owner was killed', async () => {
  const module = JSON.stringify(join(import.meta.dirname, 'control-plane.ts'));
  const script = `
    const { startControlPlane } = await import(${module});
    const { dir, pids } = await startControlPlane();
    process.stdout.write(JSON.stringify({ dir, pids }));`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await once(owner.stdout, 'data');
  const { dir, pids } = Owned.parse(JSON.parse(String(said)));
  expect(pids.map(isAlive)).toEqual([true, true]);
  // Whoever stops a tree of processes may begin with its leaves.
  for (const pid of childrenOf(owner.pid).filter((child) => !pids.includes(child))) process.kill(pid, 'SIGTERM');
  owner.kill('SIGKILL');
  await until(() => !existsSync(dir) && !pids.some(isAlive));
});

test('`npm run cluster` names its kubeconfig, and SIGTERM ends it with exit code 0 and without a trace', async () => {
  const main = join(import.meta.dirname, 'main.ts');
  const child = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'ignore'] });
  const dir = dirname(await kubeconfigIn(child.stdout));
  const admin = await createAdmin(join(dir, 'admin.kubeconfig'));
  expect((await admin.get('/api/v1/namespaces/default')).metadata.name).toBe('default');
  admin.close();
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
  expect(existsSync(dir)).toBe(false);
});

/** Where the system tells; elsewhere none. */
function childrenOf(pid = 0): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').map(Number) : [];
}

async function kubeconfigIn(output: Readable): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const kubeconfig = /export KUBECONFIG=(.*)$/.exec(line)?.[1];
    if (kubeconfig !== undefined) return kubeconfig;
  }
  throw new Error('it ended before it was ready');
}
