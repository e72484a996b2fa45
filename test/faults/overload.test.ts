import { beforeAll, describe, expect, it } from 'vitest';
import { Inspector } from '../soak/inspector.ts';
import { useFaultProxy } from '../support/fault-proxy.ts';
import type { OperatorProcess } from '../support/operator-process.ts';
import { SmallCrds, type SmallKind } from '../support/small-crd.ts';
import { configMap, useStage } from '../support/stage.ts';
import { Flood } from './flood.ts';

const stage = useStage();
const proxied = useFaultProxy(stage);
const MIB = 2 ** 20;
const KIND: SmallKind = { group: 'flood.example.com', plural: 'drops', kind: 'Drop' };
const OBJECTS = 1_000;
const RESOURCES = [{ group: KIND.group, resource: KIND.plural }];

let namespace = '';
beforeAll(async () => {
  const crds = new SmallCrds(stage());
  await crds.apply(KIND);
  await crds.established(KIND);
  await stage().grant(KIND.group, [KIND.plural]);
  namespace = await stage().admin.createNamespace('flood');
});

async function startOperator(): Promise<OperatorProcess> {
  const { kubeconfig } = proxied();
  return stage().startOperator({ kubeconfig, nodeFlags: ['--inspect=127.0.0.1:0'], args: ['--log-level', 'info'] });
}

const CHANGES = 50_000;

/** At least so many changes, until they are sent: as many a second as the other side reads. */
async function sendAll(flood: Flood, count: number): Promise<void> {
  const end = flood.sent + count;
  while (flood.sent < end) await flood.send(10_000, 1_000);
}

async function heapOf(operator: OperatorProcess): Promise<number> {
  const url = /ws:\S+/.exec(operator.noise.join('\n'))?.[0] ?? '';
  using inspector = await Inspector.attach(url);
  return (await inspector.heap()).objects;
}

describe('many changes', () => {
  it('O1: fifty thousand changes, ten thousand a second of them if the machine can, are taken in bounded memory; other kinds are looked after meanwhile, and the last state of each object counts', async () => {
    const { admin } = stage();
    const names = Array.from({ length: OBJECTS }, (_, i) => `drop-${i}`);
    const flood = new Flood({ kind: KIND, namespace, names });
    proxied().proxy.use(flood.fault);
    const operator = await startOperator();
    const states = async (values: readonly string[]) =>
      stage().applyPolicy('states', {
        match: { resources: RESOURCES },
        rules: [{ name: 'state', require: { labels: [{ key: 'state', values }] } }],
      });
    // None of them breaks it, so that the policy's status is no part of the load.
    await states(['a', 'b']);
    await stage().applyPolicy('beside', {
      mode: 'Enforce',
      match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [namespace] },
      rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
    });
    await stage().policy('states', ({ summary }) => summary['matched'] === OBJECTS);
    await expect.poll(() => flood.isWatched).toBe(true);
    await flood.send(10_000, 1_000);
    const before = await heapOf(operator);
    const [began, sentBefore] = [performance.now(), flood.sent];
    const flooding = sendAll(flood, CHANGES);
    const depths: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      await admin.create(configMap(namespace, `beside-${i}`));
      await stage().labels(`/api/v1/namespaces/${namespace}/configmaps/beside-${i}`, ({ team }) => team === 'blue');
      depths.push(await operator.metric('watchkeeper_evaluation_queue_depth'));
    }
    await flooding;
    const taken = flood.sent - sentBefore;
    const seconds = (performance.now() - began) / 1_000;
    const grown = (await heapOf(operator)) - before;
    const lag = await operator.metric('nodejs_eventloop_lag_p99_seconds');
    process.stdout.write(
      `${taken} changes in ${seconds.toFixed(1)} s; heap grew by ${(grown / MIB).toFixed(1)} MiB; p99 of the loop's lag ${(lag * 1_000).toFixed(0)} ms\n`,
    );
    // Each object waits once, those that other tests have left too.
    expect(Math.max(...depths)).toBeLessThanOrEqual(await operator.metric('watchkeeper_informer_objects'));
    expect(grown).toBeLessThan(4 * MIB);
    expect(await operator.metric('process_resident_memory_bytes')).toBeLessThan(300 * MIB);
    expect(flood.mostBuffered).toBeLessThan(8 * MIB);
    await expect.poll(async () => operator.metric('watchkeeper_evaluation_queue_depth')).toBe(0);
    // Nobody tells of the objects again: what counts is what each change brought.
    await states(['a']);
    await stage().policy('states', ({ violationsTotal }) => violationsTotal === flood.count('b'));
    await states(['b']);
    await stage().policy('states', ({ violationsTotal }) => violationsTotal === flood.count('a'));
  });
});

describe('a storm of results', () => {
  it('O2: a thousand results that change all the time over a hundred policies cause no storm of writes', async () => {
    const { cluster } = stage();
    const policies = Array.from({ length: 100 }, (_, i) => `storm-${i}`);
    const names = Array.from({ length: OBJECTS }, (_, i) => `storm-${i % 100}-${i}`);
    const flood = new Flood({ kind: KIND, namespace, names });
    proxied().proxy.use(flood.fault);
    const operator = await startOperator();
    await Promise.all(
      policies.map(async (name) =>
        stage().applyPolicy(name, {
          match: { resources: RESOURCES, names: [`${name}-*`] },
          rules: [{ name: 'state', require: { labels: [{ key: 'state', values: ['a'] }] } }],
        }),
      ),
    );
    await stage().policy('storm-99', ({ summary }) => summary['matched'] === OBJECTS / 100);
    await expect.poll(() => flood.isWatched).toBe(true);
    const mark = await cluster.auditMark();
    const began = performance.now();
    // Odd, so that each round of all objects turns them.
    await flood.send(1_000, 8_000);
    const seconds = (performance.now() - began) / 1_000;
    const entries = (await cluster.entriesSince(mark)).filter(({ userAgent }) => userAgent.startsWith('watchkeeper/'));
    const statuses = entries.filter(({ resource }) => resource === 'watchpolicies');
    const perPolicy = Map.groupBy(statuses, ({ name }) => name);
    const events = entries.filter(({ resource }) => resource === 'events');
    const figures = `${statuses.length} statuses and ${events.length} Events in ${seconds.toFixed(1)} s`;
    process.stdout.write(`${flood.sent} changes: ${figures}\n`);
    expect(statuses.length, figures).toBeLessThanOrEqual(100 + 20 * seconds);
    expect(events.length, figures).toBeLessThanOrEqual(30 + 5 * seconds);
    expect(Math.max(...[...perPolicy.values()].map(({ length }) => length))).toBeLessThanOrEqual(seconds + 2);
    // Turns are taken: nearly all had theirs already, and below each has it in the end.
    expect(perPolicy.size).toBeGreaterThanOrEqual(90);
    flood.calm('b');
    for (const name of policies) await stage().policy(name, ({ violationsTotal }) => violationsTotal === 10);
    expect(await operator.metric('watchkeeper_evaluation_queue_depth')).toBe(0);
  });
});
