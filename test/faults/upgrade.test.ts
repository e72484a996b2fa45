import { readdirSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import { is, useStage } from '../support/stage.ts';
import { objectsOf } from '../upgrade/fleet.ts';
import { clearFleet, fleetObjects, LEDGER, statuses } from '../upgrade/fleet-cluster.ts';
import { lay } from '../upgrade/lay.ts';
import { ourFields, RECORDS, type RecordedPattern, readRecord } from '../upgrade/record.ts';

const stage = useStage();
const RELEASES = readdirSync(RECORDS);

/** About nothing. */
const SENTINEL = {
  mode: 'Audit' as const,
  match: { resources: [{ group: '', resource: 'configmaps' }], names: ['of-nobody'] },
  rules: [{ name: 'any', require: { labels: [{ key: 'any' }] } }],
};

let namespace: string | undefined;
afterEach(async () => {
  if (namespace !== undefined) await clearFleet(stage().admin, namespace);
});

/** The labels that a new object of the pattern gets; none where its policy is not in force, or it could not be stored. */
function labelsToCome({ name, applied, patched }: RecordedPattern): Readonly<Record<string, string>> | undefined {
  if (patched !== undefined || name === 'held' || name === 'refused') return undefined;
  return applied['watchkeeper']?.labels;
}

/**
 * A machine that needs more than 5 s to read all objects has `Syncing` said, and its end: that moves times of
 * conditions and nothing else.
 */
function withoutTransitions(said: Iterable<readonly [string, unknown]>): unknown {
  return [...said].map(([name, status]) => {
    const rest: unknown = JSON.parse(JSON.stringify(status).replaceAll(/"lastTransitionTime":"[^"]*"/g, '"at":""'));
    return [name, rest];
  });
}

test.each(RELEASES)(
  'M4: what version %s has left stays as it is to the last resourceVersion, and what happens next is handled',
  async (release) => {
    const { admin, cluster } = stage();
    const record = readRecord(release);
    const names = record.policies.map(({ name }) => name);
    const ns = await lay(admin, record);
    namespace = ns;
    const before = await fleetObjects(admin, ns);
    expect(before.size).toBe(2_000);
    // Otherwise nothing is shown by what follows.
    for (const [path, object] of before) {
      const pattern = record.patterns.find(({ name }) => path.includes(`/${name}-`));
      expect(ourFields(object), path).toEqual(pattern?.managedFields);
    }
    const said = await statuses(admin, names);
    const ledger = await admin.get(LEDGER);

    const mark = await cluster.auditMark();
    const operator = await stage().startOperator();
    const evaluated = async () =>
      (await operator.metric('watchkeeper_evaluation_queue_depth')) === 0 &&
      (await operator.metric('watchkeeper_evaluations_total')) >= before.size;
    await eventually('evaluation', evaluated, Boolean);
    const changed = [...(await fleetObjects(admin, ns))].filter(
      ([path, { metadata }]) => before.get(path)?.metadata.resourceVersion !== metadata.resourceVersion,
    );
    expect(changed.map(([path]) => path)).toEqual([]);
    expect((await admin.get(LEDGER)).metadata.resourceVersion).toBe(ledger.metadata.resourceVersion);
    // What does not fit its schema is tried once, and refused once: that stood there already, since the same day.
    const drifted = record.patterns.find(({ patched }) => patched !== undefined)?.count ?? 0;
    // Elsewhere it may be clearing up after other tests.
    const writes = async () =>
      (await cluster.entriesSince(mark)).filter(
        (entry) =>
          entry.userAgent.startsWith('watchkeeper/') && (entry.resource === 'watchpolicies' || entry.namespace === ns),
      );
    const refused = async () => (await writes()).filter(({ code }) => code >= 300).length;
    await expect.poll(refused).toBe(drifted);
    // What it then makes of them would be told within a second; a policy that comes now is told of later.
    await stage().applyPolicy('sentinel', SENTINEL);
    await stage().policy('sentinel', (policy) => is(policy, 'Ready') === 'True');
    await stage().deletePolicy('sentinel');
    const now = await statuses(admin, names);
    expect(withoutTransitions(now)).toEqual(withoutTransitions(said));
    const moved = names.filter((name) => JSON.stringify(now.get(name)) !== JSON.stringify(said.get(name)));
    const told = (await writes()).filter(({ code, name }) => code < 300 && !name.startsWith('sentinel'));
    expect(told.filter(({ resource, name }) => resource !== 'watchpolicies' || !moved.includes(name))).toEqual([]);
    expect(told.length).toBeLessThanOrEqual(2 * moved.length);

    // A new object of each pattern that is in force gets what the old ones have.
    for (const pattern of record.patterns) {
      const wanted = labelsToCome(pattern);
      if (wanted === undefined) continue;
      for (const manifest of objectsOf({ ...pattern, name: `${pattern.name}-new` }, 1, ns)) {
        await admin.create(manifest);
        const has = (labels: Readonly<Record<string, string>>) =>
          Object.entries(wanted).every(([key, value]) => labels[key] === value);
        await stage().labels(await admin.pathOf(manifest), has);
      }
    }
    // And what was held can be let go.
    await stage().deletePolicy('held');
    await stage().waitForCount(`/api/v1/namespaces/${ns}/configmaps`, 'held', 0);
  },
);
