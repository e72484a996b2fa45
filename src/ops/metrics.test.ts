import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { PolicyMetrics } from './gauges.ts';
import { Metrics } from './metrics.ts';

const PAST: PolicyMetrics = { policy: 'q', objects: { matched: 1 }, results: new Map(), contended: true };
const PRESENT: PolicyMetrics = {
  policy: 'p',
  objects: { matched: 9, violating: 4 },
  results: new Map([['r', { Violation: 4, Error: 0, Yielded: 1 }]]),
  contended: false,
};

function started(policies: readonly PolicyMetrics[] = [PRESENT]): Metrics {
  const metrics = new Metrics('1.2.3');
  let reads = 0;
  metrics.watch({
    kinds: () => [
      {
        kind: 'configmaps',
        state: `State${(reads += 1)}`,
        objects: 5,
        narrowed: true,
        relists: 2,
        restarts: { Ended: 3 },
      },
    ],
    leads: () => true,
    leaseTransitions: () => 2,
    policyCount: () => policies.length,
    evaluationDepth: () => 1,
    evaluationAgeMs: () => 1_500,
    writeDepth: () => 2,
    writeAgeMs: () => 250,
    writesInFlight: () => 3,
    eventDepth: () => 6,
    auditLines: () => ({ Written: 7, Dropped: 0 }),
    policies: () => policies,
    connections: () => [
      { pool: 'request', connections: 1, streams: 7, ended: {} },
      { pool: 'watch', connections: 2, streams: 9, ended: { Silent: 3 } },
    ],
  });
  metrics.evaluated('configmaps');
  metrics.evaluated('configmaps');
  metrics.wrote('configmaps', 'Written', 0.02);
  metrics.caughtUp('configmaps', 0.2);
  metrics.statusWritten('Findings', 0.03);
  metrics.statusFailed();
  metrics.events('Sent', 1);
  metrics.events('RolledUp', 300);
  metrics.requested('GET', 200);
  metrics.requested('GET', 0);
  return metrics;
}

interface Documented {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** Rows of the tables of docs/metrics.md that describe a metric, in order. */
function documented(): Documented[] {
  const text = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  return text.split('\n').flatMap((line) => {
    const [, name, type, labels, meaning] = line.split('|').map((cell) => cell.trim());
    if (name === undefined || !/^`[a-z][a-z0-9_]*`$/.test(name)) return [];
    expect(meaning).toMatch(/\.$/);
    return [{ name: name.slice(1, -1), type: type ?? '', labels: (labels ?? '').match(/[a-z]+/g) ?? [] }];
  });
}

const byName = (a: Documented, b: Documented): number => (a.name < b.name ? -1 : 1);

describe('the documentation', () => {
  test('names every metric that there is, with its type and its labels, and no other', () => {
    const served = started()
      .registry.getMetricsAsArray()
      .map((metric): Documented => {
        const { labelNames } = metric as { readonly labelNames?: readonly string[] };
        return { name: metric.name, type: String(metric.type), labels: labelNames ?? [] };
      });
    expect(documented().toSorted(byName)).toEqual(served.toSorted(byName));
  });

  test('names the labels that a scrape shows', async () => {
    const known = new Map(documented().map(({ name, labels }) => [name, new Set(labels)]));
    const scrape = await started().registry.metrics();
    const wrong = scrape.split('\n').flatMap((line) => {
      const [, series = '', labels = ''] = /^([a-z_0-9]+)(?:\{(.*)\})? /.exec(line) ?? [];
      if (series === '') return [];
      const name = known.has(series) ? series : series.replace(/_(bucket|sum|count)$/, '');
      const names = [...labels.matchAll(/([a-z]+)="/g)]
        .map(([, label = '']) => label)
        .filter((label) => label !== 'le');
      return names.every((label) => known.get(name)?.has(label)) ? [] : [line];
    });
    expect(wrong).toEqual([]);
  });

  test('alerts on metrics and label values that there are', () => {
    const text = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const [tables = '', alerts = ''] = text.split('## What to alert on');
    const used = [...alerts.matchAll(/\b(?:watchkeeper|nodejs|process)_[a-z_]+/g)].map(([name]) => name);
    const names = new Set(documented().map(({ name }) => name));
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((name) => !names.has(name))).toEqual([]);
    const values = [...alerts.matchAll(/="([A-Za-z]+)"/g)].map(([, value = '']) => value);
    expect(values.length).toBeGreaterThan(3);
    expect(values.filter((value) => !tables.includes(`\`${value}\``))).toEqual([]);
  });
});

describe('a scrape', () => {
  test('counts what happened and reads the rest when it is asked for', async () => {
    const lines = (await started().registry.metrics()).split('\n').filter((line) => line.startsWith('watchkeeper'));
    expect(lines).toEqual(
      expect.arrayContaining([
        'watchkeeper_build_info{version="1.2.3"} 1',
        'watchkeeper_policies 1',
        'watchkeeper_policy_objects{policy="p",state="violating"} 4',
        'watchkeeper_policy_results{policy="p",rule="r",result="Violation"} 4',
        'watchkeeper_policy_results{policy="p",rule="r",result="Yielded"} 1',
        'watchkeeper_policy_contended{policy="p"} 0',
        'watchkeeper_evaluation_queue_age_seconds 1.5',
        'watchkeeper_write_queue_age_seconds 0.25',
        'watchkeeper_event_queue_depth 6',
        'watchkeeper_informer_narrowed{kind="configmaps"} 1',
        'watchkeeper_informer_relists_total{kind="configmaps"} 2',
        'watchkeeper_informer_restarts_total{kind="configmaps",cause="Ended"} 3',
        'watchkeeper_event_to_write_seconds_bucket{le="0.1",kind="configmaps"} 0',
        'watchkeeper_event_to_write_seconds_bucket{le="0.25",kind="configmaps"} 1',
        'watchkeeper_change_to_status_seconds_count{change="Findings"} 1',
        'watchkeeper_status_writes_total{result="failed"} 1',
        'watchkeeper_events_total{result="RolledUp"} 300',
        'watchkeeper_audit_log_lines_total{result="Written"} 7',
        'watchkeeper_evaluation_queue_depth 1',
        'watchkeeper_write_queue_depth 2',
        'watchkeeper_writes_in_flight 3',
        'watchkeeper_informer_objects{kind="configmaps"} 5',
        'watchkeeper_connections{pool="request"} 1',
        'watchkeeper_connections{pool="watch"} 2',
        'watchkeeper_streams{pool="watch"} 9',
        'watchkeeper_connections_ended_total{pool="watch",reason="Silent"} 3',
        'watchkeeper_evaluations_total{kind="configmaps"} 2',
        'watchkeeper_writes_total{kind="configmaps",result="Written"} 1',
        'watchkeeper_write_duration_seconds_bucket{le="0.01",kind="configmaps"} 0',
        'watchkeeper_write_duration_seconds_bucket{le="0.025",kind="configmaps"} 1',
        'watchkeeper_status_writes_total{result="written"} 1',
        'watchkeeper_requests_total{method="GET",code="200"} 1',
        'watchkeeper_requests_total{method="GET",code="0"} 1',
      ]),
    );
  });

  test('forgets a state that a kind is not in any more', async () => {
    const { registry } = started();
    const states = async () =>
      (await registry.metrics()).split('\n').filter((line) => line.startsWith('watchkeeper_informer_state{'));
    const first = await states();
    const second = await states();
    expect([first.length, second.length]).toEqual([1, 1]);
    expect(second).not.toEqual(first);
  });

  test('has no series of a policy that is gone', async () => {
    const policies = [PRESENT, PAST];
    const { registry } = started(policies);
    expect(await registry.metrics()).toContain('watchkeeper_policy_contended{policy="q"} 1');
    policies.pop();
    expect(await registry.metrics()).not.toContain('policy="q"');
  });

  test('reads no count twice', async () => {
    const { registry } = started();
    await registry.metrics();
    expect(await registry.metrics()).toContain(
      'watchkeeper_informer_restarts_total{kind="configmaps",cause="Ended"} 3',
    );
  });

  test('of one operator knows nothing of another in the same process', async () => {
    started();
    expect(await new Metrics('2').registry.metrics()).not.toContain('configmaps');
  });
});

test('kinds of ever new names do not make ever more series', async () => {
  const metrics = new Metrics('1.2.3');
  for (let i = 0; i < 2_001; i++) {
    metrics.evaluated(`widgets.g${i}.io`);
    metrics.wrote(`widgets.g${i}.io`, 'Written', 0.1);
    metrics.caughtUp(`widgets.g${i}.io`, 0.1);
  }
  metrics.evaluated('widgets.g2000.io');
  const text = await metrics.registry.metrics();
  expect(text).not.toContain('kind="widgets.g0.io"');
  expect(text).toContain('watchkeeper_evaluations_total{kind="widgets.g1.io"} 1');
  expect(text).toContain('watchkeeper_evaluations_total{kind="widgets.g2000.io"} 2');
});
