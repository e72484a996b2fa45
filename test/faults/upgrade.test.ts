import { readdirSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import type { AuditEntry } from '../cluster/audit-log.ts';
import { eventually } from '../cluster/eventually.ts';
import { useStage } from '../support/stage.ts';
import { objectsOf } from '../upgrade/fleet.ts';
import { clearFleet, fleetObjects, LEDGER, statuses } from '../upgrade/fleet-cluster.ts';
import { lay } from '../upgrade/lay.ts';
import { ourFields, RECORDS, type RecordedPattern, readRecord } from '../upgrade/record.ts';

const stage = useStage();
const RELEASES = readdirSync(RECORDS);

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
 * Syncing for a moment longer than usual is said, and so is its end; and what does not fit its schema is found to be so when a write is
 * refused again. That moves times and nothing else.
 */
function withoutTimes(said: Iterable<readonly [string, unknown]>): unknown {
  return [...said].map(([name, status]) => {
    const times = name === 'sized' ? /"(lastTransitionTime|since)":"[^"]*"/g : /"(lastTransitionTime)":"[^"]*"/g;
    const rest: unknown = JSON.parse(JSON.stringify(status).replaceAll(times, '"$1":""'));
    return [name, rest];
  });
}

/** Of an object that does not fit its schema is told again when the new process finds that out. */
function isToldAgain({ resource, name }: AuditEntry): boolean {
  return resource === 'events' && (name.startsWith('drifted-') || name.startsWith('sized.'));
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
    await eventually('evaluation', evaluated, Boolean, { timeoutMs: 30_000 });
    await expect.poll(async () => withoutTimes(await statuses(admin, names))).toEqual(withoutTimes(said));
    const changed = [...(await fleetObjects(admin, ns))].filter(
      ([path, { metadata }]) => before.get(path)?.metadata.resourceVersion !== metadata.resourceVersion,
    );
    expect(changed.map(([path]) => path)).toEqual([]);
    expect((await admin.get(LEDGER)).metadata.resourceVersion).toBe(ledger.metadata.resourceVersion);
    const entries = (await cluster.entriesSince(mark)).filter(({ userAgent }) => userAgent.startsWith('watchkeeper/'));
    // What does not fit its schema is tried once, and refused once.
    const drifted = record.patterns.find(({ patched }) => patched !== undefined)?.count;
    const [carriedOut, refused] = [entries.filter(({ code }) => code < 300), entries.filter(({ code }) => code >= 300)];
    expect(refused).toHaveLength(drifted ?? 0);
    const others = carriedOut.filter(
      (entry) => !['watchpolicies', 'leases'].includes(entry.resource) && !isToldAgain(entry),
    );
    expect(others).toEqual([]);
    for (const name of names) {
      const writes = carriedOut.filter((entry) => entry.name === name).length;
      const isTheSame = JSON.stringify((await statuses(admin, [name])).get(name)) === JSON.stringify(said.get(name));
      expect(writes, name).toBeLessThanOrEqual(isTheSame ? 0 : name === 'sized' ? 3 : 2);
    }

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
  120_000,
);
