import { beforeEach, describe, expect, test } from 'vitest';
import { configMap, useStage } from '../support/stage.ts';

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
