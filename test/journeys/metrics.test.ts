import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { POLICIES } from '../support/installation.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();
beforeEach(async () => stage().sweep());
const at = (namespace: string, name: string) => `/api/v1/namespaces/${namespace}/configmaps/${name}`;

describe('metrics', () => {
  test('follow what policies say, what is written and how long it took, and go with the policy', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('metrics');
    await admin.createMany(Array.from({ length: 30 }, (_, i) => configMap(ns, `cm-${i}`)));
    const operator = await stage().startOperator();
    await stage().applyPolicy('measured', {
      mode: 'Enforce',
      match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns], names: ['cm-*'] },
      rules: [
        { name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } },
        { name: 'team', require: { labels: [{ key: 'team' }] } },
        { name: 'owner', require: { labels: [{ key: 'owner' }] } },
      ],
    });
    await stage().policy('measured', ({ violationsTotal }) => violationsTotal === 60);
    await stage().waitForCount(`/api/v1/namespaces/${ns}/configmaps`, 'env=prod', 30);
    const of = (name: string, ...labels: readonly string[]) => operator.metric(name, labels.join(','));
    const results = (rule: string) =>
      of('watchkeeper_policy_results', 'policy="measured"', `rule="${rule}"`, 'result="Violation"');
    await expect.poll(async () => [await results('team'), await results('owner')]).toEqual([30, 30]);
    await admin.patch(at(ns, 'cm-1'), { metadata: { labels: { team: 'a' } } });
    await admin.delete(at(ns, 'cm-2'));
    await expect.poll(async () => [await results('team'), await results('owner')]).toEqual([28, 29]);
    const objects = (state: string) => of('watchkeeper_policy_objects', 'policy="measured"', `state="${state}"`);
    await expect
      .poll(async () => Promise.all(['matched', 'violating', 'owned', 'errors', 'contended'].map(objects)))
      .toEqual([29, 29, 29, 0, 0]);
    expect(await of('watchkeeper_policy_contended', 'policy="measured"')).toBe(0);

    const written = () => of('watchkeeper_event_to_write_seconds_count', 'kind="configmaps"');
    await expect.poll(written).toBe(30);
    expect(await of('watchkeeper_event_to_write_seconds_bucket', 'le="30"')).toBe(30);
    expect(await of('watchkeeper_change_to_status_seconds_count', 'change="Findings"')).toBeGreaterThan(0);
    for (const queue of ['evaluation', 'write']) {
      await expect.poll(async () => of(`watchkeeper_${queue}_queue_depth`)).toBe(0);
      expect(await of(`watchkeeper_${queue}_queue_age_seconds`)).toBe(0);
    }
    expect(await of('watchkeeper_informer_state', 'kind="configmaps"', 'state="Watching"')).toBe(1);
    expect(await of('watchkeeper_informer_relists_total', 'kind="configmaps"')).toBe(0);
    expect((await operator.page('/metrics')).body).toMatch(/^nodejs_eventloop_lag_max_seconds [0-9.e-]+$/m);

    await stage().deletePolicy('measured');
    await expect.poll(async () => (await operator.page('/metrics')).body).not.toContain('measured');
  });

  test('every line of a scrape is one that Prometheus reads', async () => {
    const operator = await stage().startOperator();
    const { body } = await operator.page('/metrics');
    const comment = /^# (?:HELP [a-z0-9_]+ .+|TYPE [a-z0-9_]+ (?:counter|gauge|histogram))$/;
    const sample = /^[a-z_][a-z0-9_]*(?:\{[a-z_]+="[^"\n]*"(?:,[a-z_]+="[^"\n]*")*\})? -?[0-9.e+-]+(?:Inf|NaN)?$/;
    const lines = body.split('\n').filter((line) => line !== '');
    expect(lines.filter((line) => !comment.test(line) && !sample.test(line))).toEqual([]);
    const counters = lines.flatMap((line) => /^# TYPE (watchkeeper_\S+) counter$/.exec(line)?.[1] ?? []);
    expect(counters.length).toBeGreaterThan(5);
    expect(counters.filter((name) => !name.endsWith('_total'))).toEqual([]);
  });
});

test('what is secret in an object is in no Event, log line, audit line, metric or status', async () => {
  const { admin } = stage();
  const canary = 'canary-7f3a9c';
  const folder = await mkdtemp(join(tmpdir(), 'canary-'));
  const file = join(folder, 'audit.log');
  try {
    const ns = await admin.createNamespace('canary');
    const object = (name: string) => ({
      ...configMap(ns, name, {}, { a: canary }),
      metadata: { namespace: ns, name, annotations: { note: canary, 'acme.io/long': canary } },
    });
    await admin.createMany([object('cm-1'), object('cm-2')]);
    const operator = await stage().startOperator({ args: ['--audit-log', file] });
    const match = {
      resources: [{ group: '', resource: 'configmaps', version: 'v1' }],
      namespaces: [ns],
      names: ['cm-*'],
    };
    const rules = [
      { name: 'displaces', set: { annotations: [{ key: 'note', value: `${canary}-too` }] } },
      { name: 'copies', set: { annotations: [{ key: 'copied', valueFrom: { jsonPath: '$.data.a' } }] } },
      { name: 'is-wrong', set: { labels: [{ key: 'data', valueFrom: { jsonPath: '$.data' } }] } },
      { name: 'judges', require: { annotations: [{ key: 'acme.io/long', pattern: '^x$' }] } },
    ];
    await stage().applyPolicy('canary', { mode: 'Audit', match, rules });
    await stage().policy('canary', ({ violationsTotal }) => violationsTotal > 0);
    await admin.create(object('cm-3'));
    await stage().applyPolicy('canary', { mode: 'Enforce', match, rules });
    await admin.waitFor(at(ns, 'cm-3'), ({ metadata }) => metadata.annotations['copied'] === canary);
    const policy = await stage().policy('canary', (view) => is(view, 'Ready') === 'True' && view.violationsTotal === 6);
    const eventsIn = async (namespace: string) =>
      (await admin.list(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`)).items;
    const told = async () =>
      (await eventsIn('default')).filter((event) => JSON.stringify(event).includes(policy.raw.metadata.uid));
    await expect.poll(async () => JSON.stringify(await told()), { timeout: 20_000 }).toContain('TookOver');
    const { status } = (await admin.get(`${POLICIES}/canary`)) as { readonly status?: unknown };
    const places = {
      events: JSON.stringify([await eventsIn(ns), await told()]),
      log: operator.lines.map((line) => JSON.stringify(line)).join('\n'),
      noise: operator.noise.join('\n'),
      audit: await readFile(file, 'utf8'),
      metrics: (await operator.page('/metrics')).body,
      status: JSON.stringify(status),
    };
    expect(
      Object.entries(places)
        .filter(([, text]) => text.includes(canary))
        .map(([place]) => place),
    ).toEqual([]);
    expect(places.audit).toContain('"key":"copied"');
    expect(places.status).toContain('is-wrong');
  } finally {
    await rm(folder, { recursive: true });
  }
});
