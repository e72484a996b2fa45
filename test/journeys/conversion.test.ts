import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import { CANARY, tellsCanary } from '../support/canary.ts';
import { ConversionWebhook } from '../support/conversion-webhook.ts';
import { recordRequests, useFaultProxy } from '../support/fault-proxy.ts';
import { POLICIES } from '../support/installation.ts';
import { CRDS, collectionOf, crdName, SmallCrds, type SmallKind } from '../support/small-crd.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();
const proxied = useFaultProxy(stage);
const small: SmallKind = {
  group: 'converted.conversion.test',
  plural: 'widgets',
  kind: 'Widget',
  // Stored in v1beta1, preferred in v1: each object that we read or write is converted.
  versions: [
    { name: 'v1', storage: false },
    { name: 'v1beta1', storage: true },
  ],
};
let webhook: ConversionWebhook;
let crds: SmallCrds;

beforeAll(async () => {
  webhook = await ConversionWebhook.start();
  crds = new SmallCrds(stage());
  await stage().grant(small.group, ['*']);
  await crds.apply({ ...small, conversion: webhook.conversion });
});

afterEach(() => webhook.heal());

afterAll(async () => {
  await stage().admin.delete(`${CRDS}/${crdName(small)}`);
  await webhook.stop();
});

const isProd = (labels: Readonly<Record<string, string>>) => labels['env'] === 'prod';

/** Widgets and ConfigMaps of the namespace get these labels. */
async function label(ns: string, ...keys: readonly string[]): Promise<void> {
  await stage().applyPolicy('converted', {
    mode: 'Enforce',
    match: {
      resources: [
        { group: small.group, resource: small.plural },
        { group: '', resource: 'configmaps' },
      ],
      namespaces: [ns],
    },
    rules: [{ name: 'env', set: { labels: keys.map((key) => ({ key, value: 'prod' })) } }],
  });
}

async function othersGoOn(ns: string, name: string): Promise<void> {
  await stage().admin.create(configMap(ns, name));
  await stage().labels(`/api/v1/namespaces/${ns}/configmaps/${name}`, isProd);
}

const failed = () =>
  stage().policy(
    'converted',
    ({ conditions, watching }) => conditions['Watching']?.reason === 'Failed' && watching['synced'] === 1,
  );

describe('a kind whose conversion webhook is down', () => {
  test("when the operator starts, and the server cannot list it: it is Failed with the server's reason, others go on, and it heals", async () => {
    const ns = await stage().admin.createNamespace('conversion');
    await crds.put(small, 'early', ns);
    webhook.break('Disconnect');
    // What the API server has converted, it keeps until the CRD changes.
    await crds.apply({ ...small, conversion: webhook.conversion, description: 'another one' });
    const seen = recordRequests(proxied().proxy);
    await stage().startOperator({ kubeconfig: proxied().kubeconfig });
    await label(ns, 'env');
    await othersGoOn(ns, 'beside');
    const view = await failed();
    expect(view.conditions['Watching']?.message).toMatch(
      /conversion webhook for .* failed: Post "https:[^()]*; it is tried again\.$/u,
    );
    expect([is(view, 'Ready'), is(view, 'Accepted')]).toEqual(['False', 'True']);
    expect(view.watching).toMatchObject({ failed: 1 });
    await othersGoOn(ns, 'beside-later');
    webhook.heal();
    await stage().labels(`${collectionOf(small, ns)}/early`, isProd);
    // Without a back-off it would be hundreds in the first second.
    expect(seen.filter(({ path }) => path.startsWith(`/apis/${small.group}/`)).length).toBeLessThan(100);
    await stage().policy('converted', (policy) => is(policy, 'Ready') === 'True');
  });

  test('while it is watched: writes stop and say why, and are made when it is back', async () => {
    const ns = await stage().admin.createNamespace('conversion-writes');
    for (let i = 0; i < 20; i += 1) await crds.put(small, `w${i}`, ns);
    const seen = recordRequests(proxied().proxy);
    await stage().startOperator({ kubeconfig: proxied().kubeconfig });
    await label(ns, 'env');
    await stage().policy('converted', (policy) => policy.summary['owned'] === 20);
    webhook.break('Disconnect');
    await label(ns, 'env', 'more');
    const view = await failed();
    expect(view.conditions['Watching']?.message).toContain('no write of it is answered: conversion webhook for');
    expect(is(view, 'Ready')).toBe('False');
    await othersGoOn(ns, 'beside');
    // One object at a time finds out, ever more rarely.
    const tries = () =>
      seen.filter(({ path, write }) => write !== undefined && path.startsWith(`/apis/${small.group}/`));
    seen.length = 0;
    await expect.poll(() => tries().length).toBeGreaterThanOrEqual(2);
    const [first, second] = tries();
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(900);
    webhook.heal();
    await stage().waitForCount(collectionOf(small, ns), 'more=prod', 20);
    await stage().policy('converted', (policy) => is(policy, 'Ready') === 'True');
  });
});

test('G8: what a conversion webhook quotes of an object is in no status, Event or log line, neither for a list nor for a write', async () => {
  const { admin } = stage();
  const ns = await admin.createNamespace('conversion-quotes');
  const quoted = await crds.put(small, 'quoted', ns);
  const patch = (change: object) =>
    admin.request('PATCH', quoted, change, { 'content-type': 'application/merge-patch+json' });
  await patch({ spec: { token: CANARY } });
  const words = `cannot convert token "${CANARY}"`;
  webhook.refuse(words);
  await crds.apply({ ...small, conversion: webhook.conversion, description: 'not in a cache' });
  const operator = await stage().startOperator({ args: ['--audit-log', '-', '--log-level', 'debug'] });
  await label(ns, 'env');
  const onList = await failed();
  const reason = /conversion webhook for \S+, Kind=\w+ failed: \(not shown\); it is tried again\.$/u;
  expect(onList.conditions['Watching']?.message).toMatch(reason);
  webhook.heal();
  await stage().policy('converted', (policy) => is(policy, 'Ready') === 'True');
  webhook.refuse(words);
  await label(ns, 'env', 'more');
  const refused = () => operator.metric('watchkeeper_writes_total', 'result="Unknown"');
  await eventually('a write without an answer', refused, (count) => count > 0);
  // The one object is an error after ten seconds; or the watch has failed by it too, which is what the status tells of then.
  const onWrite = await stage().policy(
    'converted',
    ({ summary, conditions }) => summary['errors'] === 1 || conditions['Watching']?.reason === 'Failed',
  );
  const { body } = await patch({ metadata: { labels: { more: 'no' } } });
  expect(tellsCanary(body)).toBe(true);
  const events = (await admin.list('/apis/events.k8s.io/v1/events')).items;
  const statuses = (await admin.list(POLICIES)).items.map((object) => Reflect.get(object, 'status'));
  const page = await operator.page('/metrics');
  await operator.stop();
  const log = [...operator.lines.map((line) => JSON.stringify(line)), ...operator.noise].join('\n');
  const places = { onList: onList.raw, onWrite: onWrite.raw, events, statuses, page, log };
  expect(
    Object.entries(places)
      .filter(([, place]) => tellsCanary(JSON.stringify(place)))
      .map(([name]) => name),
  ).toEqual([]);
  expect(log).toContain('failed: (not shown)');
});
