import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { POLICIES } from '../support/installation.ts';
import { idle } from '../support/policy-story.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();
// What other tests left would be taken away, and told of with the policies of these.
beforeEach(async () => stage().sweep());
const run = promisify(execFile);

const EventSchema = z.looseObject({
  type: z.string(),
  reason: z.string(),
  action: z.string(),
  note: z.string(),
  reportingController: z.string(),
  regarding: z.object({ kind: z.string(), namespace: z.string().default(''), name: z.string(), uid: z.string() }),
  related: z.object({ kind: z.string(), name: z.string() }).optional(),
  series: z.object({ count: z.number() }).optional(),
});
type EventView = z.infer<typeof EventSchema>;

/** Our Events in a namespace, in the order of their names. */
async function events(namespace: string): Promise<EventView[]> {
  const { items } = await stage().admin.list(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
  return items
    .map((item) => EventSchema.parse(item))
    .filter(({ reportingController }) => reportingController === 'watchkeeper.dev/watchkeeper');
}

/** Those about one policy, of this life of it, sorted. */
async function about(policy: string): Promise<string[]> {
  const { metadata } = await stage().admin.get(`${POLICIES}/${policy}`);
  return (await events('default'))
    .filter(({ regarding }) => regarding.uid === metadata.uid)
    .map(({ type, reason, note }) => `${type} ${reason}: ${note}`)
    .toSorted();
}

async function describeObject(...what: readonly string[]): Promise<string> {
  const { stdout } = await run('kubectl', ['--kubeconfig', stage().cluster.kubeconfig, 'describe', ...what]);
  return stdout;
}

function requireTeam(namespace: string, mode: 'Audit' | 'Enforce' = 'Audit') {
  return {
    mode,
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [namespace], names: ['cm-*'] },
    rules: [{ name: 'team', require: { labels: [{ key: 'team' }] } }],
  };
}

const at = (namespace: string, name: string) => `/api/v1/namespaces/${namespace}/configmaps/${name}`;

describe('Events', () => {
  test('a first evaluation is told of once for all objects; what changes later is told of each object; a restart repeats nothing', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('events');
    await admin.createMany(Array.from({ length: 300 }, (_, i) => configMap(ns, `cm-${i}`)));
    const first = await stage().startOperator();
    await stage().applyPolicy('rolled-up', requireTeam(ns));
    await stage().policy('rolled-up', ({ violationsTotal }) => violationsTotal === 300);
    await expect
      .poll(async () => about('rolled-up'))
      .toEqual([
        'Normal PolicyAccepted: generation 1 is in force, mode Audit',
        'Warning ResultsFound: found 300 violations among 300 objects',
      ]);
    expect(await events(ns)).toEqual([]);
    expect(await first.metric('watchkeeper_events_total', 'result="RolledUp"')).toBe(300);

    await admin.patch(at(ns, 'cm-7'), { metadata: { labels: { team: 'blue' } } });
    await expect.poll(async () => events(ns)).toHaveLength(1);
    await admin.create(configMap(ns, 'cm-new'));
    await expect.poll(async () => events(ns)).toHaveLength(2);
    const told = await events(ns);
    const policy = { kind: 'WatchPolicy', name: 'rolled-up' };
    expect(told.find(({ reason }) => reason === 'Resolved')).toMatchObject({
      type: 'Normal',
      action: 'Evaluate',
      note: "policy 'rolled-up' rule 'team': no longer RequiredKeyMissing",
      regarding: { kind: 'ConfigMap', namespace: ns, name: 'cm-7' },
      related: policy,
    });
    expect(told.find(({ reason }) => reason === 'RequiredKeyMissing')).toMatchObject({
      type: 'Warning',
      note: "policy 'rolled-up' rule 'team': label 'team' is missing",
      regarding: { kind: 'ConfigMap', namespace: ns, name: 'cm-new' },
      related: policy,
    });
    // As people see them.
    expect(await describeObject('configmap', 'cm-new', '-n', ns)).toMatch(
      /Warning +RequiredKeyMissing .*'team' is missing/,
    );
    const described = await describeObject('watchpolicy', 'rolled-up');
    expect(described).toMatch(/Normal +PolicyAccepted .*generation 1 is in force/);
    expect(described).toMatch(/Warning +ResultsFound .*found 300 violations among 300 objects/);

    await stage().policy(
      'rolled-up',
      ({ violationsTotal, violations }) => violationsTotal === 300 && violations[0]?.name === 'cm-0',
    );
    expect(await first.stop()).toBe(0);
    const second = await stage().startOperator();
    await expect.poll(async () => second.metric('watchkeeper_policy_results', 'policy="rolled-up"')).toBe(300);
    // What comes during the first evaluation is part of it.
    await idle(second);
    await admin.create(configMap(ns, 'cm-last'));
    await expect.poll(async () => events(ns)).toHaveLength(3);
    expect(await about('rolled-up')).toHaveLength(2);
  });

  test('what happens again and again is one Event with a series', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('series');
    await admin.create(configMap(ns, 'cm-1', { team: 'a' }));
    const operator = await stage().startOperator();
    await stage().applyPolicy('series', requireTeam(ns));
    await stage().policy('series', (policy) => is(policy, 'Compliant') === 'True');
    const setTeam = async (team: string | null, violations: number) => {
      await admin.patch(at(ns, 'cm-1'), { metadata: { labels: { team } } });
      await stage().policy('series', ({ violationsTotal }) => violationsTotal === violations);
    };
    await setTeam(null, 1);
    await expect.poll(async () => events(ns)).toHaveLength(1);
    await setTeam('a', 0);
    await setTeam(null, 1);
    await expect
      .poll(async () => (await events(ns)).map(({ reason, series }) => `${reason} ${series?.count ?? 1}`).toSorted())
      .toEqual(['RequiredKeyMissing 2', 'Resolved 1']);
    expect(await operator.metric('watchkeeper_events_total', 'result="Repeated"')).toBe(1);
  });

  test('results of a kind that its policy is not about any more have ended, though nobody watches it from then on', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('dropped');
    await admin.createMany([configMap(ns, 'cm-1'), configMap(ns, 'cm-2')]);
    await stage().startOperator();
    const spec = requireTeam(ns);
    await stage().applyPolicy('dropped', spec);
    await expect
      .poll(async () => about('dropped'))
      .toContain('Warning ResultsFound: found 2 violations among 2 objects');
    const services = { ...spec.match, resources: [{ group: '', resource: 'services' }] };
    await stage().applyPolicy('dropped', { ...spec, match: services });
    await expect.poll(async () => about('dropped')).toContain('Normal ResultsResolved: 2 results ended');
    expect(await events(ns)).toEqual([]);
  });

  test('writes are told of together, with the policy, and so is what they displace', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('written');
    await admin.createMany([
      ...Array.from({ length: 39 }, (_, i) => configMap(ns, `cm-${i}`)),
      configMap(ns, 'cm-red', { team: 'red' }),
    ]);
    await stage().startOperator();
    const { match } = requireTeam(ns);
    const spec = {
      mode: 'Enforce' as const,
      match,
      rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
    };
    await stage().applyPolicy('writes', spec);
    await expect
      .poll(async () => about('writes'))
      .toEqual([
        'Normal ObjectsWritten: labelled 40 objects',
        'Normal PolicyAccepted: generation 1 is in force, mode Enforce',
        "Normal TookOver: took over label 'team' on 1 object, where somebody else had set another value",
      ]);
    await stage().applyPolicy('writes', { ...spec, match: { ...match, names: ['cm-red'] } });
    await expect.poll(async () => about('writes')).toContain('Normal KeysRemoved: removed keys from 39 objects');
    expect(await events(ns)).toEqual([]);
    await stage().applyPolicy('writes', {
      ...spec,
      rules: [{ name: 'host', unique: { valueFrom: { jsonPath: '$.data.host' }, scope: 'Cluster' } }],
    });
    await expect
      .poll(async () => (await about('writes')).filter((event) => event.startsWith('Warning PolicyRefused: spec.')))
      .toHaveLength(1);
  });

  test('without the right to write them they are counted and logged once, nothing else suffers, and it heals', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('no-events');
    const role = '/apis/rbac.authorization.k8s.io/v1/clusterroles/watchkeeper';
    const rules = (await admin.get(role))['rules'] as readonly { readonly resources: readonly string[] }[];
    await admin.patch(role, { rules: rules.filter(({ resources }) => !resources.includes('events')) });
    try {
      const operator = await stage().startOperator();
      await stage().applyPolicy('unheard', requireTeam(ns));
      await stage().policy('unheard', (policy) => is(policy, 'Compliant') === 'True');
      for (let i = 0; i < 3; i++) await admin.create(configMap(ns, `cm-${i}`));
      await stage().policy('unheard', ({ violationsTotal }) => violationsTotal === 3);
      const count = (result: string) => operator.metric('watchkeeper_events_total', `result="${result}"`);
      // That it was accepted, and three violations.
      await expect.poll(async () => count('Failed')).toBe(4);
      const warnings = operator.lines.filter(({ msg }) => msg.includes('Events cannot be written'));
      expect(warnings).toHaveLength(1);
      expect(warnings[0]?.msg).toContain('apiGroups: [events.k8s.io], resources: [events], verbs: [create, patch]');

      await admin.patch(role, { rules });
      let next = 3;
      await expect
        .poll(
          async () => {
            await admin.create(configMap(ns, `cm-${next++}`));
            return (await events(ns)).length;
          },
          { interval: 500 },
        )
        .toBeGreaterThan(0);
      // Nothing is lost: all that there was to tell is told or counted.
      const all = async () =>
        (await Promise.all(['Sent', 'Repeated', 'RolledUp', 'Failed', 'Dropped'].map(count))).reduce((a, b) => a + b) +
        (await operator.metric('watchkeeper_event_queue_depth'));
      await expect.poll(all).toBe(next + 1);
    } finally {
      await admin.patch(role, { rules });
    }
  });
});
