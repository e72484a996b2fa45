import type { Admin } from '../cluster/api.ts';
import { POLICIES } from '../support/installation.ts';
import { objectsOf, placed } from './fleet.ts';
import { applyPolicy, applySizeCrd, grantSizes, LEDGER } from './fleet-cluster.ts';
import type { KeyValues, RecordedPattern, UpgradeRecord } from './record.ts';

const APPLY = { 'content-type': 'application/apply-patch+yaml' };
const TIME = /"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/g;
const AT_ONCE = 32;

/** Makes a cluster stand as an operator of the record's version has left it. Resolves to the namespace of the objects. */
export async function lay(admin: Admin, record: UpgradeRecord): Promise<string> {
  const namespace = await admin.createNamespace('upgrade', record.namespaceLabels);
  const [wide, narrow] = record.crds;
  if (wide === undefined || narrow === undefined) throw new Error('the CRD has two forms');
  await grantSizes(admin);
  await applySizeCrd(admin, wide, namespace);
  for (const pattern of record.patterns) await admin.createMany(objectsOf(pattern, pattern.count, namespace));
  await applySizeCrd(admin, narrow, namespace);
  const steps = record.patterns.flatMap((pattern) => [...layKeys(admin, pattern, namespace)]);
  await together(steps);
  await layPolicies(admin, record, namespace);
  return namespace;
}

/** What our managers did to each object of a pattern. */
function* layKeys(admin: Admin, pattern: RecordedPattern, namespace: string): Generator<() => Promise<unknown>> {
  const { applied, patched } = pattern;
  for (const { apiVersion, kind, metadata } of objectsOf(pattern, pattern.count, namespace)) {
    yield async () => {
      const { name = '' } = metadata;
      const path = await admin.pathOf({ apiVersion, kind, metadata: { name, namespace } });
      for (const [manager, keys] of Object.entries(applied)) {
        const query = new URLSearchParams({ fieldManager: manager, force: 'true' });
        const body = { apiVersion, kind, metadata: { name, namespace, ...withoutEmpty(keys) } };
        await admin.json('PATCH', `${path}?${query.toString()}`, body, APPLY);
      }
      if (patched !== undefined) await admin.patch(`${path}?fieldManager=watchkeeper`, { metadata: patched });
    };
  }
}

/** Nothing was said of an object before it was made, and these are made now. */
function dated<T>(said: T, now: string): T {
  return JSON.parse(JSON.stringify(said).replaceAll(TIME, `"${now}"`)) as T;
}

/** An empty map in an apply is owned too. */
function withoutEmpty(keys: KeyValues): Partial<KeyValues> {
  return Object.fromEntries(Object.entries(keys).filter(([, values]) => Object.keys(values).length > 0));
}

async function layPolicies(admin: Admin, { policies, ledger }: UpgradeRecord, namespace: string): Promise<void> {
  let data = JSON.stringify(ledger);
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  for (const { name, specs, status } of policies) {
    for (const spec of specs) {
      const uid = await applyPolicy(admin, name, placed(spec, namespace));
      data = data.replaceAll(`POLICY:${name}"`, `${uid}"`);
    }
    const body = {
      apiVersion: 'watchkeeper.dev/v1alpha1',
      kind: 'WatchPolicy',
      metadata: { name },
      status: dated(placed(status, namespace), now),
    };
    await admin.json('PATCH', `${POLICIES}/${name}/status?fieldManager=watchkeeper&force=true`, body, APPLY);
  }
  const name = 'watchkeeper-ledger';
  const labels = { 'app.kubernetes.io/name': 'watchkeeper', 'app.kubernetes.io/component': 'ledger' };
  const metadata = { name, namespace: 'watchkeeper', labels };
  const ledgerObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data: placed<unknown>(JSON.parse(data), namespace),
  };
  await admin.json('PATCH', `${LEDGER}?fieldManager=${name}&force=true`, ledgerObject, APPLY);
}

async function together(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const queue = steps.values();
  const work = async () => {
    for (const step of queue) await step();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
