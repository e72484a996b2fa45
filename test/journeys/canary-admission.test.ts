import { expect, test } from 'vitest';
import { refuseByPolicy } from '../support/admission.ts';
import { CANARY, tellsCanary } from '../support/canary.ts';
import { POLICIES } from '../support/installation.ts';
import { runProduct } from '../support/run-product.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();

const WEAK = 'this is too weak';

/** Refuses labels that we write, and quotes what is in the object. */
async function refuseWithQuote(namespace: string, resource: 'configmaps' | 'secrets'): Promise<() => Promise<void>> {
  const { admin } = stage();
  const concerns = `/api/v1/namespaces/${namespace}/${resource}/quoted`;
  const labels = { seen: 'yes' };
  const lift = await refuseByPolicy(
    admin,
    { namespace, resource, concerns, labels },
    {
      expression: "!has(object.metadata.labels) || !('seen' in object.metadata.labels)",
      message: WEAK,
      messageExpression: `'${WEAK}: ' + string(object.data.a)`,
    },
  );
  const headers = { 'content-type': 'application/merge-patch+json' };
  const { body } = await admin.request('PATCH', `${concerns}?dryRun=All`, { metadata: { labels } }, headers);
  expect(tellsCanary(body)).toBe(true);
  return lift;
}

test('G8: what an admission policy quotes of a Secret, or of data that a policy reads, is in no status, Event, log line or output', async () => {
  const { admin, operatorKubeconfig } = stage();
  await stage().grant('', ['secrets']);
  const [maps, secrets] = [await admin.createNamespace('quotes'), await admin.createNamespace('quotes')];
  await admin.create(configMap(maps, 'quoted', {}, { a: CANARY }));
  const metadata = { namespace: secrets, name: 'quoted' };
  await admin.create({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { a: CANARY } });
  const lifts = [await refuseWithQuote(maps, 'configmaps'), await refuseWithQuote(secrets, 'secrets')];
  const operator = await stage().startOperator({ args: ['--audit-log', '-', '--log-level', 'debug'] });
  const seen = { name: 'seen', set: { labels: [{ key: 'seen', value: 'yes' }] } };
  const objectSelector = { matchLabels: { due: 'yes' } };
  await stage().applyPolicy('quotes-maps', {
    mode: 'Enforce',
    match: { resources: [{ group: '', resource: 'configmaps', version: 'v1' }], namespaces: [maps], objectSelector },
    rules: [seen, { name: 'reads', check: { jsonPath: '$.data.a', operator: 'Exists' } }],
  });
  await stage().applyPolicy('quotes-secrets', {
    mode: 'Enforce',
    match: { resources: [{ group: '', resource: 'secrets' }], namespaces: [secrets], objectSelector },
    rules: [seen],
  });
  // An Event of its own has what comes after a first evaluation.
  for (const name of ['quotes-maps', 'quotes-secrets'])
    await stage().policy(name, (policy) => is(policy, 'Compliant') === 'True');
  for (const path of [`${maps}/configmaps`, `${secrets}/secrets`])
    await admin.patch(`/api/v1/namespaces/${path}/quoted`, { metadata: { labels: { due: 'yes' } } });
  const refused = async (policy: string) =>
    (await stage().policy(policy, ({ summary }) => summary['errors'] === 1)).violations.map(({ message }) => message);
  expect(await refused('quotes-maps')).toEqual([expect.stringContaining(`${WEAK}: (not shown)`)]);
  expect(await refused('quotes-secrets')).toEqual([expect.stringContaining('its words are not shown')]);
  const events = async () => {
    const lists = [maps, secrets].map(async (ns) => admin.list(`/apis/events.k8s.io/v1/namespaces/${ns}/events`));
    return (await Promise.all(lists)).flatMap(({ items }) => items);
  };
  await expect.poll(async () => JSON.stringify(await events())).toContain(WEAK);
  await expect.poll(async () => JSON.stringify(await events())).toContain('its words are not shown');
  const statuses = (await admin.list(POLICIES)).items.map((object) => Reflect.get(object, 'status'));
  const page = await operator.page('/metrics');
  const rights = await runProduct(['rbac', '--kubeconfig', stage().cluster.kubeconfig]);
  // Whoever cannot start says why.
  const broken = await runProduct(['run', '--kubeconfig', operatorKubeconfig, '--listen', '192.0.2.1:1']);
  expect(broken.code).not.toBe(0);
  const ended = await operator.stop();
  expect(ended).toBe(0);
  for (const lift of lifts) await lift();
  const places: Readonly<Record<string, string>> = {
    events: JSON.stringify(await events()),
    status: JSON.stringify(statuses),
    page: JSON.stringify(page),
    rights: rights.stdout + rights.stderr,
    broken: broken.stdout + broken.stderr,
    log: operator.lines.map((line) => JSON.stringify(line)).join('\n'),
    noise: operator.noise.join('\n'),
  };
  const found = Object.entries(places).filter(([, text]) => tellsCanary(text));
  expect(found.map(([place]) => place)).toEqual([]);
  expect(places['rights']).toContain('secrets');
  expect(places['log']).toContain('quotes-secrets');
});
