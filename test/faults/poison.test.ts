import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import { at } from '../cluster/kube-object.ts';
import { POLICIES, type PolicySpec } from '../support/installation.ts';
import type { PolicyView } from '../support/policy-view.ts';
import { PROJECT } from '../support/reader.ts';
import { CRDS, collectionOf, crdName, SmallCrds, type SmallKind } from '../support/small-crd.ts';
import { configMap, is, useStage } from '../support/stage.ts';

/** One bad object, policy or CustomResourceDefinition beside good ones. It stays bad: nobody waits for it to be mended. */
const stage = useStage();
const BINDINGS = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings';

const widgets: SmallKind = { group: 'poison.example.com', plural: 'widgets', kind: 'Widget' };
/** Nobody answers where its webhook should be, so the server can neither list nor write what is stored in the other version. */
const unconverted: SmallKind = {
  group: 'poison.example.com',
  plural: 'gizmos',
  kind: 'Gizmo',
  versions: [
    { name: 'v1', storage: false },
    { name: 'v1beta1', storage: true },
  ],
  conversion: {
    strategy: 'Webhook',
    webhook: { conversionReviewVersions: ['v1'], clientConfig: { url: 'https://127.0.0.1:1/convert' } },
  },
};
const POLICY_CRD = `${CRDS}/watchpolicies.watchkeeper.dev`;
const root = PROJECT;

afterEach(async () => {
  const { admin } = stage();
  // The operator of the test is gone by now; so are the policies, unless the CRD cannot take their end.
  for (const kind of [widgets, unconverted]) {
    const path = `${CRDS}/${crdName(kind)}`;
    await admin.request('DELETE', path);
    await admin.waitForGone(path);
  }
});

const team = (ns: string, resources: readonly object[] = [{ group: '', resource: 'configmaps' }]): PolicySpec => ({
  mode: 'Enforce',
  match: { resources, namespaces: [ns] },
  rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
});

const isBlue = (labels: Readonly<Record<string, string>>) => labels['team'] === 'blue';
const cm = (ns: string, name: string) => `/api/v1/namespaces/${ns}/configmaps/${name}`;

/** A new object and a change of an old one are handled as if nothing were wrong. */
async function othersGoOn(ns: string, name: string): Promise<void> {
  const { admin } = stage();
  await admin.create(configMap(ns, name));
  await stage().labels(cm(ns, name), isBlue);
  await admin.patch(cm(ns, name), { metadata: { labels: { team: 'red' } } });
  await stage().labels(cm(ns, name), isBlue);
}

const annotations = (values: Readonly<Record<string, string>>) => ({ metadata: { annotations: values } });
const body = (name: string, spec: unknown) => ({
  apiVersion: 'watchkeeper.dev/v1alpha1',
  kind: 'WatchPolicy',
  metadata: { name },
  ...(spec === undefined ? {} : { spec }),
});

test('G10: objects with metadata that nobody expects are handled or told of, and those beside them are handled', async () => {
  const { admin } = stage();
  const crds = new SmallCrds(stage());
  await crds.apply(widgets);
  await crds.established(widgets);
  await stage().grant(widgets.group, ['*']);
  const ns = await admin.createNamespace('poison');
  const collection = collectionOf(widgets, ns);
  const nested = (depth: number): unknown => (depth === 0 ? 'x' : { a: nested(depth - 1) });
  const poisons: Readonly<Record<string, object>> = {
    'record-is-no-json': annotations({ 'watchkeeper.dev/own-keys': '{"applied":{"labels":{{{' }),
    'record-of-another-shape': annotations({ 'watchkeeper.dev/own-keys': '[[[]],null,{"applied":7}]' }),
    'record-of-prototypes': annotations({
      'watchkeeper.dev/own-keys':
        '{"applied":{"labels":{"__proto__":"x","constructor":"y"}},"retained":{"__proto__":{}}}',
    }),
    'names-of-javascript': {
      metadata: { labels: { constructor: 'a', toString: 'b', hasOwnProperty: 'c' } },
    },
    'large-annotations': annotations({ note: 'ä€😀'.repeat(28_000) }),
    'line-breaks': annotations({ note: 'a\u2028b\u0000c\r\n\u001bd' }),
    'large-spec': { spec: { text: 'x'.repeat(1_300_000) } },
    'deep-spec': { spec: nested(900) as object },
    numbers: { spec: { a: 1e308, b: -0, d: 1e-320 } },
  };
  for (const [name, poison] of Object.entries(poisons)) {
    await crds.put(widgets, name, ns);
    await admin.patch(`${collection}/${name}`, poison);
  }
  const managers = `${collection}/odd-managers`;
  await crds.put(widgets, 'odd-managers', ns);
  const stored = await admin.get(managers);
  const odd = [
    { 'f:metadata': { 'f:labels': { 'k:{"a":1}': {}, 'v:"x"': {}, 'i:3': {}, '.': {}, 'f:__proto__': {} } } },
    {
      'f:metadata': { 'f:labels': {}, 'f:annotations': { '.': {}, 'f:': {} }, 'f:finalizers': { 'v:"a"': {} } },
      'f:spec': {},
    },
  ].map((fieldsV1, i) => ({
    manager: i === 0 ? 'watchkeeper' : 'watchkeeper-retained',
    operation: 'Apply',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1,
  }));
  await admin.replace(managers, { ...stored, metadata: { ...stored.metadata, managedFields: odd } });

  await stage().applyPolicy('poisoned', team(ns, [{ group: widgets.group, resource: '*' }]));
  // Reads whole objects, however large and deep they are.
  await stage().applyPolicy('reading', {
    ...team(ns, [{ group: widgets.group, resource: widgets.plural, version: 'v1' }]),
    rules: [{ name: 'size', check: { jsonPath: '$.spec.a.a.a', operator: 'DoesNotExist' } }],
  });
  await stage().applyPolicy('healthy', team(ns));
  const operator = await stage().startOperator();
  await othersGoOn(ns, 'early');
  await crds.put(widgets, 'good', ns);
  await stage().labels(`${collection}/good`, isBlue);
  const view = await stage().policy(
    'poisoned',
    (policy) => policy.summary['matched'] === Object.keys(poisons).length + 2,
  );
  expect(is(view, 'Watching')).toBe('True');
  // Nothing is passed over in silence; what counts as matched may still wait for its write.
  await expect
    .poll(async () => {
      const labelled = (await admin.list(collection)).items.filter(({ metadata }) => isBlue(metadata.labels));
      const { violations } = await stage().policy('poisoned', () => true);
      return [...labelled.map(({ metadata }) => metadata.name), ...violations.map(({ name }) => name)].toSorted();
    })
    .toEqual([...Object.keys(poisons), 'good', 'odd-managers'].toSorted());
  const names = await admin.get(`${collection}/names-of-javascript`);
  expect(names.metadata.labels).toMatchObject({ constructor: 'a', toString: 'b', hasOwnProperty: 'c', team: 'blue' });
  await othersGoOn(ns, 'late');
  expect(await operator.stop()).toBe(0);
});

test('G10: policies that were stored when less was asked of them are refused by name, and others are in force', async () => {
  const { admin } = stage();
  const ns = await admin.createNamespace('old-policies');
  const crd = await admin.get(POLICY_CRD);
  const loose = JSON.parse(JSON.stringify(crd)) as { spec: { versions: { schema: { openAPIV3Schema: object } }[] } };
  for (const version of loose.spec.versions) {
    const anything = { 'x-kubernetes-preserve-unknown-fields': true };
    version.schema.openAPIV3Schema = { type: 'object', properties: { spec: anything, status: anything } };
  }
  const good = team(ns);
  const poisons: Readonly<Record<string, unknown>> = {
    'no-spec': undefined,
    'spec-is-text': 'x',
    'spec-is-a-list': [[], {}, null],
    'rules-are-no-list': { ...good, rules: { team: {} } },
    'a-thousand-rules': {
      ...good,
      rules: Array.from({ length: 1_000 }, (_, i) => ({ name: `r${i}`, require: { labels: [{ key: 'a' }] } })),
    },
    'a-long-name-of-a-key': {
      ...good,
      rules: [{ name: 'r', set: { labels: [{ key: 'k'.repeat(100_000), value: 'x' }] } }],
    },
    prototypes: JSON.parse(
      `{"__proto__": {"mode": "Enforce"}, "constructor": {"prototype": {}}, "mode": {"toString": 1}}`,
    ),
    'mode-of-another-time': { ...good, mode: 'EnforceLater' },
    'numbers-for-text': { ...good, match: { resources: [{ group: 7, resource: [] }], namespaces: 'a' } },
  };
  // What was stored long ago passed no author policy of today.
  const bindings = (await admin.list(BINDINGS)).items.filter(({ metadata }) => metadata.name.includes('-authors-'));
  expect(bindings).toHaveLength(4);
  try {
    for (const { metadata } of bindings) await admin.delete(`${BINDINGS}/${metadata.name}`);
    await admin.replace(POLICY_CRD, loose);
    for (const [name, spec] of Object.entries(poisons)) {
      // Taken as soon as the server goes by the looser schema.
      await eventually(
        `${name} stored`,
        async () =>
          (await admin.request('POST', POLICIES, body(name, spec), { 'content-type': 'application/json' })).status,
        (status) => status === 201 || status === 409,
      );
    }
    const status = { summary: 'none', conditions: { a: 1 }, violations: [7, null], observedGeneration: 'x' };
    await admin.request(
      'PATCH',
      `${POLICIES}/mode-of-another-time/status`,
      { status },
      { 'content-type': 'application/merge-patch+json' },
    );
  } finally {
    await admin.applyFile(join(root, 'crds', 'watchkeeper.dev_watchpolicies.yaml'));
    await admin.applyFile(join(root, 'deploy', 'parts', 'authors.yaml'));
    const { metadata: _, ...now } = await admin.get(POLICY_CRD);
    expect(at(now, 'spec', 'versions', 0, 'schema', 'openAPIV3Schema', 'properties', 'spec', 'type')).toBe('object');
  }
  expect((await admin.list(POLICIES)).items).toHaveLength(Object.keys(poisons).length);
  await stage().applyPolicy('healthy', good);
  const operator = await stage().startOperator();
  await othersGoOn(ns, 'early');
  await stage().policy('healthy', (policy) => is(policy, 'Ready') === 'True');
  // Of each it is told by name what is wrong, in the log where its status cannot be written.
  await eventually(
    'what is told of each',
    async () => {
      const policies = (await admin.list(POLICIES)).items;
      const isTold = (name: string) =>
        policies.some(
          (one) => one.metadata.name === name && at(one, 'status', 'conditions', 0, 'status') === 'False',
        ) || operator.lines.some((line) => line.level >= 40 && JSON.stringify(line).includes(`"${name}"`));
      return Object.keys(poisons).filter((name) => !isTold(name));
    },
    (silent) => silent.length === 0,
  );
  await othersGoOn(ns, 'late');
  // They can be mended and deleted as any other.
  await admin.patch(`${POLICIES}/a-long-name-of-a-key`, { spec: team(ns, [{ group: '', resource: 'services' }]) });
  await stage().policy('a-long-name-of-a-key', (policy) => is(policy, 'Ready') === 'True');
  expect(await operator.stop()).toBe(0);
});

function namesGizmos({ conditions }: PolicyView): boolean {
  return conditions['Watching']?.message.includes('gizmos') === true;
}

test('G10: a CustomResourceDefinition whose objects cannot be converted is Failed, and the others of its group go on', async () => {
  const { admin } = stage();
  const crds = new SmallCrds(stage());
  const ns = await admin.createNamespace('unconverted');
  await stage().grant(widgets.group, ['*']);
  await crds.apply(widgets);
  await crds.apply({ ...unconverted, versions: [{ name: 'v1beta1' }], conversion: { strategy: 'None' } });
  await crds.established(widgets);
  await crds.established(unconverted);
  await crds.put(unconverted, 'stuck', ns, 'v1beta1');
  await crds.apply(unconverted);
  await eventually(
    'lists that fail',
    async () => (await admin.request('GET', collectionOf(unconverted, ns))).status,
    (status) => status === 500 || status === 429,
  );
  await stage().applyPolicy('globbed', team(ns, [{ group: widgets.group, resource: '*' }]));
  await stage().applyPolicy('healthy', team(ns));
  await stage().startOperator();
  await othersGoOn(ns, 'early');
  await crds.put(widgets, 'good', ns);
  await stage().labels(`${collectionOf(widgets, ns)}/good`, isBlue);
  expect(is(await stage().policy('globbed', namesGizmos), 'Watching')).toBe('False');
  await stage().policy('healthy', (policy) => is(policy, 'Ready') === 'True');
  await othersGoOn(ns, 'late');
});
