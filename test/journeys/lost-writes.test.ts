import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import { type Fate, PASS, REFUSE_BEFORE } from '../faults/proxy.ts';
import {
  FIRST_ENFORCEMENT,
  OBJECTS,
  POLICY,
  setTo,
  storyObjects,
  type Trace,
  traceOf,
} from '../support/enforcement-story.ts';
import { useFaultProxy } from '../support/fault-proxy.ts';
import { keysAndOwners } from '../support/key-owners.ts';
import { OperatorProcess } from '../support/operator-process.ts';
import { quiet } from '../support/policy-story.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();
const proxied = useFaultProxy(stage);

/** A ConfigMap whose first write by the operator waits at the door, until `release` lets it go on. */
async function holdFirstWrite(ns: string, path: string) {
  const came = Promise.withResolvers<void>();
  const released = Promise.withResolvers<Fate>();
  let isFirst = true;
  proxied().proxy.use((request) => {
    if (!isFirst || request.write === undefined || request.path !== path) return PASS;
    isFirst = false;
    came.resolve();
    return released.promise;
  });
  const operator = await OperatorProcess.start({ kubeconfig: proxied().kubeconfig });
  await stage().applyPolicy(POLICY, setTo(ns, { team: 'a' }));
  await stage().admin.create(configMap(ns, 'web', {}, { a: 'first' }));
  await came.promise;
  return { operator, release: () => released.resolve(PASS) };
}

describe('an object goes between our read and our write', () => {
  test('S2: 422 `metadata.uid: field is immutable`: and comes again under the same name: the write changes nothing, and the new object gets its label', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('again');
    const web = `/api/v1/namespaces/${ns}/configmaps/web`;
    const mark = await cluster.auditMark();
    const { operator, release } = await holdFirstWrite(ns, web);
    await admin.delete(web);
    const made = await admin.create(configMap(ns, 'web', {}, { a: 'second' }));
    release();

    await stage().labels(web, ({ team }) => team === 'a');
    await quiet(stage(), operator);
    const now = await admin.get(web);
    expect(now.metadata.uid).toBe(made.metadata.uid);
    expect(now['data']).toEqual({ a: 'second' });
    expect(keysAndOwners(now)).toEqual({ team: 'a (watchkeeper)' });
    expect(await codesIn(ns, mark)).toEqual([422, 200]);
    await expectNoErrorInStatus();
  });

  test('S2: 409 with uid: and stays away: no stub is made in its place', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('gone');
    const web = `/api/v1/namespaces/${ns}/configmaps/web`;
    const mark = await cluster.auditMark();
    const { operator, release } = await holdFirstWrite(ns, web);
    await admin.delete(web);
    release();

    await eventually(
      'the answer',
      async () => codesIn(ns, mark),
      ({ length }) => length > 0,
    );
    await quiet(stage(), operator);
    expect(await admin.find(web)).toBeUndefined();
    expect(await codesIn(ns, mark)).toEqual([409]);
    await expectNoErrorInStatus();
  });
});

async function codesIn(ns: string, mark: number): Promise<readonly number[]> {
  return (await stage().writesSince(mark)).filter(({ namespace }) => namespace === ns).map(({ code }) => code);
}

async function expectNoErrorInStatus(): Promise<void> {
  const policy = await stage().policy(POLICY, (view) => is(view, 'Compliant') === 'True');
  expect(policy.violations).toEqual([]);
  expect(is(policy, 'Ready')).toBe('True');
}

/** A policy is enforced, and the first write of each object, of the ledger and of the status meets a fate. */
async function enforceThrough(
  fateOf: (path: string) => Fate,
): Promise<{ readonly trace: Trace; readonly fates: number }> {
  const ns = await stage().admin.createNamespace('lost');
  for (const manifest of storyObjects(ns)) await stage().admin.create(manifest);
  const met = new Set<string>();
  proxied().proxy.use(({ path, write }) => {
    const isOfStory = path.includes(ns) || path.endsWith('/watchkeeper-ledger') || path.endsWith('/status');
    if (write === undefined || !isOfStory || met.has(path)) return PASS;
    met.add(path);
    return fateOf(path);
  });
  const operator = await OperatorProcess.start({ kubeconfig: proxied().kubeconfig });
  await FIRST_ENFORCEMENT.act(stage(), ns);
  const isOver = async () => isDeepStrictEqual(await traceOf(stage(), ns), FIRST_ENFORCEMENT.leaves);
  // What is missing in the end, the test shows.
  await eventually('the end', isOver, Boolean).catch(() => {});
  await quiet(stage(), operator);
  return { trace: await traceOf(stage(), ns), fates: met.size };
}

async function versionOf(path: string): Promise<string> {
  return (await stage().admin.get(path)).metadata.resourceVersion;
}

describe('every first write of the operator', () => {
  test('I4: loses its answer: all is as wanted, and no object is changed again', async () => {
    const versions = new Map<string, string>();
    const { trace, fates } = await enforceThrough((path) => ({
      kind: 'LoseAnswer',
      answered: async () => {
        if (path.includes('/namespaces/lost-')) versions.set(path, await versionOf(path));
      },
    }));
    expect(trace).toEqual(FIRST_ENFORCEMENT.leaves);
    expect(fates).toBe(OBJECTS + 2);
    expect(versions.size).toBe(OBJECTS);
    const now = await Promise.all([...versions.keys()].map(async (path) => [path, await versionOf(path)] as const));
    expect(new Map(now)).toEqual(versions);
  });

  test('never arrives: all is as wanted in the end', async () => {
    const { trace, fates } = await enforceThrough(() => REFUSE_BEFORE);
    expect(trace).toEqual(FIRST_ENFORCEMENT.leaves);
    expect(fates).toBe(OBJECTS + 2);
  });
});
