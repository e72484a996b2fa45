import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from './cluster/control-plane.ts';
import { at, type KubeObject } from './cluster/kube-object.ts';
import { stopOperators } from './support/operator-process.ts';
import { PROJECT, Reader } from './support/reader.ts';
import { blocksOf } from './support/readme-blocks.ts';
import { installCrd, kindOf } from './support/simple-crd.ts';
import { configMap, is, Stage } from './support/stage.ts';

const GADGETS = { group: 'emergency.example.com', plural: 'gadgets' };
const CRD = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${GADGETS.plural}.${GADGETS.group}`;
const POLICIES = ['on-config-maps', 'on-gadgets'];

// A control plane of its own: all policies of the cluster are stopped. Namespaces go away only where
// kube-controller-manager runs.
let controlPlane: ControlPlane;
let stage: Stage;
let reader: Reader;
beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: true });
  stage = await Stage.install(controlPlane);
  reader = new Reader(controlPlane.kubeconfig);
  await installCrd(stage.admin, GADGETS);
  await stage.grant(GADGETS.group, [GADGETS.plural]);
});
afterAll(async () => {
  await stopOperators();
  stage.admin.close();
  await controlPlane.stop();
});

/** The command that the page on security has for an emergency. */
function documentedStop(): string {
  const page = readFileSync(join(PROJECT, 'docs', 'security.md'), 'utf8');
  const [block, ...more] = blocksOf(page).filter(({ section }) => section === 'In an emergency');
  if (block === undefined || more.length > 0) throw new Error('the page on security has not one command for it');
  return block.text;
}

/** Name and resourceVersion: whoever changes an object changes this. */
async function versions(...collections: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(collections.map((path) => stage.admin.list(path)));
  return lists.flatMap(({ items }) => items.map(versionOf));
}

function versionOf({ metadata }: KubeObject): string {
  return `${metadata.name} ${metadata.resourceVersion}`;
}

test('G20: one documented command stops every policy; with the operator away nothing changes and nothing waits for it', async () => {
  const { admin } = stage;
  const ns = await admin.createNamespace('emergency');
  const gadget = (name: string) => ({
    apiVersion: `${GADGETS.group}/v1`,
    kind: kindOf(GADGETS.plural),
    metadata: { namespace: ns, name },
  });
  await admin.createMany(Array.from({ length: 40 }, (_, i) => configMap(ns, `cm-${i}`)));
  await admin.createMany(Array.from({ length: 10 }, (_, i) => gadget(`gadget-${i}`)));
  const operator = await stage.startOperator();
  const kinds = [
    { group: '', resource: 'configmaps' },
    { group: GADGETS.group, resource: GADGETS.plural },
  ];
  for (const [i, name] of POLICIES.entries()) {
    await stage.applyPolicy(name, {
      mode: 'Enforce',
      match: { resources: kinds.slice(i, i + 1), namespaces: [ns] },
      rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
    });
  }
  const collections = [`/api/v1/namespaces/${ns}/configmaps`, `/apis/${GADGETS.group}/v1/namespaces/${ns}/gadgets`];
  const [configMaps = '', gadgets = ''] = collections;
  await stage.waitForCount(configMaps, 'team=blue', 40);
  await stage.waitForCount(gadgets, 'team=blue', 10);

  // By hand, as in an emergency.
  await reader.shell(documentedStop());
  for (const name of POLICIES) {
    const policy = await stage.policy(name, (view) => at(view.raw, 'spec', 'mode') === 'Suspended');
    expect(is(policy, 'Accepted')).toBe('True');
  }
  const stopped = await controlPlane.auditMark();
  await admin.patch(`${configMaps}/cm-0`, { metadata: { labels: { team: 'red' } } });
  await admin.create(configMap(ns, 'late'));
  const held = await versions(...collections);

  await reader.shell('kubectl -n watchkeeper scale deployment/watchkeeper --replicas=0');
  expect(await operator.stop()).toBe(0);
  // All that it did since is on record now.
  expect(await stage.writesSince(stopped, ns)).toEqual([]);
  expect(await versions(...collections)).toEqual(held);
  expect(await stage.countLabelled(configMaps, 'team=blue')).toBe(39);

  // Nothing asks it, and nothing of it holds anything up: objects, a policy, a kind and a namespace come and go.
  for (const kind of ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations']) {
    expect((await admin.list(`/apis/admissionregistration.k8s.io/v1/${kind}`)).items).toEqual([]);
  }
  await admin.create(configMap(ns, 'later'));
  await admin.patch(`${configMaps}/cm-1`, { data: { a: 'c' }, metadata: { labels: { team: null } } });
  await admin.delete(`${configMaps}/cm-2`);
  await stage.applyPolicy('later', {
    match: { resources: kinds.slice(0, 1) },
    rules: [{ name: 'legacy', forbid: { labels: ['legacy'] } }],
  });
  await stage.deletePolicy('on-gadgets');
  expect(await admin.find('/apis/watchkeeper.dev/v1alpha1/watchpolicies/on-gadgets')).toBeUndefined();
  await admin.delete(CRD);
  await admin.waitForGone(CRD);
  await admin.delete(`/api/v1/namespaces/${ns}`);
  await admin.waitForGone(`/api/v1/namespaces/${ns}`);
});
