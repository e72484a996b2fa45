import { afterEach, describe, expect, test } from 'vitest';
import { installCrd, kindOf, removeCrd, type SimpleCrd } from '../support/simple-crd.ts';
import { configMap, is, type PolicySpec, type PolicyView, useStage } from '../support/stage.ts';

const stage = useStage();
const GROUP = 'globs.example.com';
const widgets: SimpleCrd = { group: `a.${GROUP}`, plural: 'widgets', versions: ['v1', 'v1beta1'] };
const gadgets: SimpleCrd = { group: `b.${GROUP}`, plural: 'gadgets' };
const regions: SimpleCrd = { group: `b.${GROUP}`, plural: 'regions', scope: 'Cluster' };

const undo: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

async function install(crd: SimpleCrd): Promise<void> {
  undo.push(async () => removeCrd(stage().admin, crd));
  await installCrd(stage().admin, crd);
}

async function grant(group: string, resources: readonly string[]): Promise<void> {
  undo.push(await stage().grant(group, resources));
}

function object({ group, plural }: SimpleCrd, name: string, namespace?: string) {
  return {
    apiVersion: `${group}/v1`,
    kind: kindOf(plural),
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    spec: { size: 'large' },
  };
}

const pathOf = ({ group, plural }: SimpleCrd, name: string, namespace?: string) =>
  `/apis/${group}/v1${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}/${name}`;

interface Row {
  readonly group: string;
  readonly resource: string;
  readonly state: string;
  readonly message: string;
}

function rowsOf({ raw }: PolicyView): readonly Row[] {
  const { resources = [] } = (raw['status'] ?? {}) as { readonly resources?: readonly Row[] };
  return resources;
}

/** `RESOURCE STATE` of each resource in the status. */
const states = (view: PolicyView) => rowsOf(view).map(({ resource, state }) => `${resource} ${state}`);

const setEnv = [{ name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } }];
const requireTeam = [{ name: 'team', require: { labels: [{ key: 'team' }] } }];

const enforce = (resources: readonly object[], more: object = {}): PolicySpec => ({
  mode: 'Enforce',
  match: { resources, ...more },
  rules: setEnv,
});

describe('a glob over groups', () => {
  test('waits for what may come, takes in what is there and what comes later, and lets go of what goes', async () => {
    const { admin } = stage();
    await grant(widgets.group, ['*']);
    await grant(gadgets.group, ['*']);
    const ns = await admin.createNamespace('globs');
    const operator = await stage().startOperator();
    await stage().applyPolicy('all', enforce([{ group: `*.${GROUP}`, resource: '*' }]));
    const waiting = await stage().policy('all', (view) => is(view, 'Ready') === 'True');
    expect(waiting.conditions['Watching']).toEqual({
      status: 'True',
      reason: 'WaitingForResources',
      message: `*.*.${GROUP}: the API server serves nothing that this fits yet.`,
    });
    expect(waiting.conditions['Ready']?.message).toContain('nothing that this fits yet');
    expect(is(waiting, 'Compliant')).toBe('True');

    await install(widgets);
    await admin.apply(object(widgets, 'first', ns));
    await stage().labels(pathOf(widgets, 'first', ns), (labels) => labels['env'] === 'prod');
    const one = await stage().policy('all', (view) => view.conditions['Watching']?.reason === 'Watching');
    expect(states(one)).toEqual(['widgets Watching']);

    await install(gadgets);
    await install(regions);
    await admin.apply(object(gadgets, 'second', ns));
    await admin.apply(object(regions, 'third'));
    await stage().labels(pathOf(gadgets, 'second', ns), (labels) => labels['env'] === 'prod');
    await stage().labels(pathOf(regions, 'third'), (labels) => labels['env'] === 'prod');
    const all = await stage().policy('all', (view) => view.summary['owned'] === 3);
    expect(states(all)).toEqual(['widgets Watching', 'gadgets Watching', 'regions Watching']);

    await removeCrd(admin, gadgets);
    const fewer = await stage().policy('all', (view) => rowsOf(view).length === 2);
    expect(states(fewer)).toEqual(['widgets Watching', 'regions Watching']);
    await expect.poll(async () => operator.metric('watchkeeper_informer_state', `${gadgets.plural}.`)).toBe(0);
  });

  test('is narrowed by scope, and reads more than metadata in the version that the server prefers', async () => {
    const { admin } = stage();
    await grant(widgets.group, ['*']);
    await grant(regions.group, ['*']);
    await install(widgets);
    await install(regions);
    const ns = await admin.createNamespace('scope');
    await admin.apply(object(widgets, 'namespaced', ns));
    await admin.apply(object(regions, 'cluster'));
    await stage().startOperator();
    const sized = [{ name: 'size', set: { labels: [{ key: 'size', valueFrom: { jsonPath: '$.spec.size' } }] } }];
    const glob = { group: `*.${GROUP}`, resource: '*', scope: 'Namespaced' };
    await stage().applyPolicy('sized', { ...enforce([glob]), rules: sized });
    const refused = await stage().policy('sized', (view) => is(view, 'Accepted') === 'False');
    expect(refused.conditions['Accepted']?.message).toContain("which the API server has in 'v1' and 'v1beta1'");

    await stage().applyPolicy('sized', { ...enforce([{ ...glob, version: '*' }]), rules: sized });
    await stage().labels(pathOf(widgets, 'namespaced', ns), (labels) => labels['size'] === 'large');
    const view = await stage().policy('sized', (policy) => policy.conditions['Watching']?.reason === 'Watching');
    expect(rowsOf(view)).toEqual([
      { group: widgets.group, resource: 'widgets', version: 'v1', state: 'Watching', message: '' },
    ]);
    expect(view.watching['skipped']).toBe(0);

    await stage().applyPolicy('sized', { ...enforce([{ ...glob, scope: '*', version: 'v1beta1' }]), rules: sized });
    const beta = await stage().policy(
      'sized',
      ({ watching, conditions }) => watching['skipped'] === 1 && conditions['Watching']?.reason === 'Watching',
    );
    expect(beta.conditions['Watching']?.message).toBe(
      `Globs leave out 1 resource: regions.${regions.group} (the API server does not serve it in v1beta1).`,
    );
  });
});

test('what a glob has written is held when the version that it names is not served any more', async () => {
  const { admin, cluster } = stage();
  await grant(widgets.group, ['*']);
  await install(widgets);
  const ns = await admin.createNamespace('held');
  await admin.apply(object(widgets, 'one', ns));
  const operator = await stage().startOperator();
  const sized = [{ name: 'size', set: { labels: [{ key: 'size', valueFrom: { jsonPath: '$.spec.size' } }] } }];
  const glob = { group: `*.${GROUP}`, resource: '*', version: 'v1beta1' };
  await stage().applyPolicy('sized', { ...enforce([glob]), rules: sized });
  await stage().labels(pathOf(widgets, 'one', ns), (labels) => labels['size'] === 'large');

  const mark = await cluster.auditMark();
  await installCrd(admin, { ...widgets, unserved: ['v1beta1'] });
  await stage().policy('sized', (view) => view.watching['skipped'] === 1);
  const evaluations = async () => operator.metric('watchkeeper_evaluations_total', `widgets.${widgets.group}`);
  const before = await evaluations();
  await admin.patch(pathOf(widgets, 'one', ns), { metadata: { annotations: { touched: 'yes' } } });
  await expect.poll(evaluations).toBeGreaterThan(before);
  const kept = await admin.get(pathOf(widgets, 'one', ns));
  expect(kept.metadata.labels).toEqual({ size: 'large' });

  await stage().applyPolicy('sized', { ...enforce([glob]), rules: setEnv });
  await stage().labels(pathOf(widgets, 'one', ns), (labels) => labels['env'] === 'prod' && !('size' in labels));
  await expect.poll(async () => (await stage().writesSince(mark, ns)).map(({ name }) => name)).toEqual(['one']);
});

describe('a glob over resources', () => {
  test('leaves out Secrets unless they are named, and what the policy excludes needs no right', async () => {
    const { admin } = stage();
    await grant('', ['secrets']);
    const ns = await admin.createNamespace('secrets');
    await admin.create({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: ns, name: 'token' } });
    await admin.create(configMap(ns, 'settings'));
    await stage().startOperator();
    const glob = { group: '', resource: '*' };
    const names = ['bindings', 'limitranges', 'namespaces', 'nodes', 'persistentvolumes', 'pods', 'podtemplates'];
    const plain = [...names, 'replicationcontrollers', 'resourcequotas', 'serviceaccounts'];
    const exclude = [{ resources: plain.map((resource) => ({ group: '', resource })) }];
    const within = { namespaces: [ns] };
    await stage().applyPolicy('globbed', { ...enforce([glob], within), exclude });
    await stage().labels(`/api/v1/namespaces/${ns}/configmaps/settings`, (labels) => labels['env'] === 'prod');
    const without = await stage().policy('globbed', (view) => is(view, 'Ready') === 'True');
    expect(states(without)).toEqual(['configmaps Watching', 'persistentvolumeclaims Watching', 'services Watching']);
    expect(without.conditions['Ready']?.message).toBe('');
    const message = without.conditions['Watching']?.message ?? '';
    expect(message).toContain('secrets (Secrets must be named exactly)');
    expect(message).toContain('events (Events come by the thousand and go by themselves)');
    expect(message).toContain(
      'bindings, limitranges, namespaces, nodes, persistentvolumes and 5 more (spec.exclude[0] leaves it out)',
    );
    expect(message).toContain('componentstatuses (the API server does not offer watch and patch for it)');

    await stage().applyPolicy('globbed', { ...enforce([glob, { group: '', resource: 'secrets' }], within), exclude });
    await stage().labels(`/api/v1/namespaces/${ns}/secrets/token`, (labels) => labels['env'] === 'prod');
    const named = await stage().policy('globbed', (view) => states(view).includes('secrets Watching'));
    expect(named.watching['skipped']).toBe((without.watching['skipped'] ?? 0) - 1);
  });

  test('excluded by a glob: the keys are taken back', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('excluded');
    await admin.create(configMap(ns, 'settings'));
    await stage().startOperator();
    const resources = [
      { group: '', resource: 'configmaps' },
      { group: '', resource: 'services' },
    ];
    const policy = enforce(resources, { namespaces: [ns] });
    await stage().applyPolicy('excludes', policy);
    const path = `/api/v1/namespaces/${ns}/configmaps/settings`;
    await stage().labels(path, (labels) => labels['env'] === 'prod');
    await stage().applyPolicy('excludes', {
      ...policy,
      exclude: [{ resources: [{ group: '*', resource: 'config*' }] }],
    });
    const labels = await stage().labels(path, (now) => !('env' in now));
    expect(labels).toEqual({});
  });
});

describe('a glob over everything', () => {
  test('in Audit and with few rights: each missing right is named, the rest goes on, and what is granted heals', async () => {
    const { admin } = stage();
    // Results are listed by namespace, and other tests leave theirs.
    const ns = await admin.createNamespace('a-first');
    await admin.create(configMap(ns, 'settings'));
    await admin.apply(configMap('kube-system', 'globs-test'));
    undo.push(async () => admin.delete('/api/v1/namespaces/kube-system/configmaps/globs-test'));
    await stage().startOperator();
    const everything = { group: '*', resource: '*' };
    await stage().applyPolicy('everything', {
      mode: 'Audit',
      match: { resources: [everything] },
      exclude: [{ resources: [{ ...everything, scope: 'Cluster' }] }],
      rules: requireTeam,
    });
    const few = await stage().policy(
      'everything',
      (view) => (view.watching['forbidden'] ?? 0) > 10 && !states(view).some((row) => row.endsWith('Syncing')),
    );
    const forbidden = rowsOf(few).filter(({ state }) => state === 'Forbidden');
    expect(forbidden).toHaveLength(few.watching['forbidden'] ?? 0);
    for (const { group, resource, message } of forbidden) {
      expect(message).toBe(
        `grant the operator's ServiceAccount apiGroups: ["${group}"], resources: ["${resource}"], verbs: ["list", "watch"]`,
      );
    }
    expect(forbidden.map(({ resource }) => resource)).toEqual(expect.arrayContaining(['pods', 'serviceaccounts']));
    expect(states(few)).toEqual(expect.arrayContaining(['configmaps Watching', 'deployments Watching']));
    const condition = few.conditions['Watching'];
    expect(condition).toMatchObject({ status: 'False', reason: 'Forbidden' });
    expect(condition?.message).toMatch(/ \(and \d+ more\)\.$/);
    expect(condition?.message.length).toBeLessThan(1_000);
    expect(is(few, 'Ready')).toBe('False');

    for (const group of new Set(forbidden.map((row) => row.group))) {
      await grant(
        group,
        forbidden.filter((row) => row.group === group).map(({ resource }) => resource),
      );
    }
    const healed = await stage().policy(
      'everything',
      (view) => is(view, 'Watching') === 'True' && is(view, 'Compliant') === 'False',
    );
    expect(healed.conditions['Watching']).toMatchObject({ status: 'True', reason: 'Watching' });
    expect(healed.watching).toMatchObject({ forbidden: 0, failed: 0, notServed: 0 });
    expect(healed.violations).toContainEqual(expect.objectContaining({ namespace: ns, name: 'settings' }));
    expect(healed.violations.map(({ namespace }) => namespace)).not.toContain('kube-system');
    expect(healed.violations.map(({ namespace }) => namespace)).not.toContain('watchkeeper');
  });
});
