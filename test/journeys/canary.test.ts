import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { CANARY, tellsCanary } from '../support/canary.ts';
import { POLICIES } from '../support/installation.ts';
import { runProduct } from '../support/run-product.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();
beforeEach(async () => stage().sweep());

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** In the operator's own environment. */
const VARIABLE = 'WATCHKEEPER_TEST_SECRET';

const at = (namespace: string, name: string) => `/api/v1/namespaces/${namespace}/configmaps/${name}`;

function annotated(namespace: string, name: string) {
  const annotations = { note: CANARY, 'acme.io/long': CANARY, [LAST_APPLIED]: `{"data":{"a":"${CANARY}"}}` };
  return { ...configMap(namespace, name, {}, { a: CANARY }), metadata: { namespace, name, annotations } };
}

function deployment(namespace: string) {
  const env = [{ name: 'PASSWORD', value: CANARY }];
  const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'x', env }] } };
  const spec = { replicas: 0, selector: { matchLabels: { app: 'x' } }, template };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace, name: 'web' }, spec };
}

function secret(namespace: string) {
  const annotations = { [LAST_APPLIED]: `{"stringData":{"a":"${CANARY}"}}` };
  const metadata = { namespace, name: 'hidden', annotations };
  return { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { a: CANARY } };
}

test('G8: what is secret in objects and in the process is in no Event, log line, audit line, metric, page, status, ledger or output', async () => {
  const { admin, operatorKubeconfig } = stage();
  const folder = await mkdtemp(join(tmpdir(), 'canary-'));
  const file = join(folder, 'audit.log');
  process.env[VARIABLE] = `${CANARY}-of-the-process`;
  try {
    const token = /token: "?([^"\s]+)/.exec(await readFile(operatorKubeconfig, 'utf8'))?.[1];
    expect(token?.length).toBeGreaterThan(100);
    await stage().grant('', ['secrets']);
    const ns = await admin.createNamespace('canary');
    await admin.createMany([annotated(ns, 'cm-1'), annotated(ns, 'cm-2'), deployment(ns), secret(ns)]);
    // As it is on the wire: base64.
    const hidden = await admin.get(`/api/v1/namespaces/${ns}/secrets/hidden`);
    expect(tellsCanary(JSON.stringify(Reflect.get(hidden, 'data')))).toBe(true);
    const operator = await stage().startOperator({ args: ['--audit-log', file] });
    const match = {
      resources: [{ group: '', resource: 'configmaps', version: 'v1' }],
      namespaces: [ns],
      names: ['cm-*'],
    };
    const rules = [
      { name: 'displaces', set: { annotations: [{ key: 'note', value: `${CANARY}-too` }] } },
      { name: 'copies', set: { annotations: [{ key: 'copied', valueFrom: { jsonPath: '$.data.a' } }] } },
      { name: 'is-wrong', set: { labels: [{ key: 'data', valueFrom: { jsonPath: '$.data' } }] } },
      { name: 'judges', require: { annotations: [{ key: 'acme.io/long', pattern: '^x$' }] } },
      { name: 'is-one-of', require: { annotations: [{ key: 'acme.io/long', values: ['x'] }] } },
      { name: 'compares', check: { jsonPath: '$.data.*', operator: 'Equal', values: ['x'] } },
      { name: 'is-less', check: { jsonPath: '$.data.a', operator: 'LessThan', values: ['1'] } },
    ];
    const values = { env: { items: { properties: { value: { const: 'x', pattern: '^x$', maxLength: 1 } } } } };
    const containers = { containers: { items: { properties: values } } };
    await stage().applyPolicy('canary-pods', {
      match: { resources: [{ group: 'apps', resource: 'deployments', version: 'v1' }], namespaces: [ns] },
      rules: [
        {
          name: 'schema',
          subject: 'PodTemplate',
          jsonSchema: { jsonPath: '$.spec', schema: { properties: containers } },
        },
        { name: 'env', check: { jsonPath: '$.spec.template.spec..value', operator: 'Matches', values: ['^x$'] } },
      ],
    });
    await stage().applyPolicy('canary-secrets', {
      mode: 'Enforce',
      match: { resources: [{ group: '', resource: 'secrets' }], namespaces: [ns] },
      rules: [
        { name: 'labels', set: { labels: [{ key: 'seen', value: 'yes' }] } },
        { name: 'annotates', require: { annotations: [{ key: LAST_APPLIED, pattern: '^x$' }] } },
      ],
    });
    await stage().applyPolicy('canary', { mode: 'Audit', match, rules });
    await stage().policy('canary', ({ violationsTotal }) => violationsTotal > 0);
    await admin.create(annotated(ns, 'cm-3'));
    await stage().applyPolicy('canary', { mode: 'Enforce', match, rules });
    await admin.waitFor(at(ns, 'cm-3'), ({ metadata }) => metadata.annotations['copied'] === CANARY);
    const policy = await stage().policy(
      'canary',
      (view) => is(view, 'Ready') === 'True' && view.violationsTotal === 15,
    );
    const pods = await stage().policy('canary-pods', ({ violationsTotal }) => violationsTotal === 2);
    const secrets = await stage().policy('canary-secrets', ({ violationsTotal }) => violationsTotal === 1);
    await stage().labels(`/api/v1/namespaces/${ns}/secrets/hidden`, (labels) => labels['seen'] === 'yes');
    // All there are: those about policies stand in a namespace that is not the objects'.
    const events = async () => (await admin.list('/apis/events.k8s.io/v1/events')).items;
    const toldOf = async (uid: string, reason: string) =>
      (await events()).filter((event) => {
        const { uid: about } = Reflect.get(event, 'regarding') as { readonly uid?: string };
        return about === uid && Reflect.get(event, 'reason') === reason;
      });
    await expect.poll(() => toldOf(policy.raw.metadata.uid, 'TookOver')).not.toEqual([]);
    for (const { raw } of [policy, pods, secrets])
      await expect.poll(() => toldOf(raw.metadata.uid, 'ResultsFound')).not.toEqual([]);
    const statuses = (await admin.list(POLICIES)).items.map((object) => Reflect.get(object, 'status'));
    const pages = await Promise.all(['/metrics', '/readyz', '/livez', '/'].map((path) => operator.page(path)));
    const dryRun = await runProduct(['cleanup', '--dry-run', '--kubeconfig', stage().cluster.kubeconfig]);
    const places: Readonly<Record<string, string>> = {
      events: JSON.stringify(await events()),
      audit: await readFile(file, 'utf8'),
      pages: JSON.stringify(pages),
      status: JSON.stringify(statuses),
      ledger: JSON.stringify(await admin.list('/api/v1/namespaces/watchkeeper/configmaps')),
      cleanup: dryRun.stdout + dryRun.stderr,
    };
    await operator.stop();
    const output = {
      log: operator.lines.map((line) => JSON.stringify(line)).join('\n'),
      noise: operator.noise.join('\n'),
    };
    const all = Object.entries({ ...places, ...output });
    expect(all.filter(([, text]) => tellsCanary(text)).map(([place]) => place)).toEqual([]);
    expect(all.filter(([, text]) => text.includes(token ?? CANARY)).map(([place]) => place)).toEqual([]);
    // Each place tells of what happened, so that it is not silence that keeps the secret.
    expect(places['audit']).toContain('"key":"copied"');
    for (const rule of ['is-wrong', 'is-less', 'schema', 'annotates']) expect(places['status']).toContain(rule);
    expect(places['ledger']).toContain('configmaps');
    expect(places['cleanup']).toContain('secrets');
    expect(output.log).toContain('canary-secrets');
  } finally {
    Reflect.deleteProperty(process.env, VARIABLE);
    await rm(folder, { recursive: true });
  }
});
