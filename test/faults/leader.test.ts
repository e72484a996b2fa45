import { afterEach, expect, test } from 'vitest';
import type { AuditEntry, AuditMark } from '../cluster/audit-log.ts';
import { eventually } from '../cluster/eventually.ts';
import { at } from '../cluster/kube-object.ts';
import { useFaultProxy } from '../support/fault-proxy.ts';
import { HOUR, jumping } from '../support/jumping-clock.ts';
import { leads, SHORT_LEASE } from '../support/leads.ts';
import { OperatorProcess } from '../support/operator-process.ts';
import { idle } from '../support/policy-story.ts';
import { configMap, is, LEASE, useStage } from '../support/stage.ts';
import { drop } from './event-faults.ts';
import { isWrite, PASS, type ProxiedRequest, REFUSE_BEFORE } from './proxy.ts';

const stage = useStage();
const proxied = useFaultProxy(stage);
const KEPT = 'kept=yes';

// What one test leaves, the operator of the next one would clean up.
const collections = new Set<string>();
afterEach(async () => {
  for (const collection of collections) await stage().admin.delete(collection);
  collections.clear();
});

interface Pair {
  readonly kubeconfig?: string;
  /** Kubeconfig of the one that does not lead. */
  readonly standby?: string;
  readonly flags?: readonly (readonly string[])[];
}

/** Two replicas, of which the first leads. */
async function pair(
  args: readonly string[],
  { kubeconfig, standby, flags = [[], []] }: Pair = {},
): Promise<readonly [OperatorProcess, OperatorProcess]> {
  const own = stage().operatorKubeconfig;
  const first = await OperatorProcess.start({
    kubeconfig: kubeconfig ?? own,
    identity: 'replica-a',
    args,
    nodeFlags: flags[0] ?? [],
  });
  await leads(first);
  const nodeFlags = flags[1] ?? [];
  const second = await OperatorProcess.start({ kubeconfig: standby ?? own, identity: 'replica-b', args, nodeFlags });
  return [first, second];
}

/**
 * How many milliseconds after the moment of `Date.now()` it began to lead, by its own word: how soon a test that shares the
 * machine with it can look is no part of it.
 */
async function ledAfter(operator: OperatorProcess, begun: number): Promise<number> {
  const told = async () => operator.lines.find(({ msg }) => msg === 'this process holds the Lease, and leads');
  const line = await eventually('that it leads', told, (found) => found !== undefined);
  return Date.parse(String(line?.['time'])) - begun;
}

async function holder(): Promise<unknown> {
  return at(await stage().admin.get(LEASE), 'spec', 'holderIdentity');
}

/** What a replica wrote: its Lease left out, and reviews of its rights, which write nothing. */
async function writesOf(replica: 'a' | 'b', mark: AuditMark): Promise<AuditEntry[]> {
  const entries = await stage().cluster.entriesSince(mark);
  return entries.filter(
    ({ userAgent, resource }) =>
      userAgent.endsWith(` replica-${replica}`) && resource !== 'leases' && resource !== 'selfsubjectaccessreviews',
  );
}

/** In this namespace: elsewhere they may be clearing up after another test. */
const ofObjects = (writes: readonly AuditEntry[], ns: string) =>
  writes.filter(({ resource, namespace }) => resource === 'configmaps' && namespace === ns);
const inOrder = (writes: readonly AuditEntry[]) => writes.map(({ name }) => name).toSorted();

async function enforce(ns: string): Promise<void> {
  await stage().applyPolicy(ns, {
    mode: 'Enforce',
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] },
    rules: [{ name: 'keep', set: { labels: [{ key: 'kept', value: 'yes' }] } }],
  });
}

/** A namespace with so many ConfigMaps. */
async function objects(prefix: string, count: number): Promise<{ readonly ns: string; readonly collection: string }> {
  const { admin } = stage();
  const ns = await admin.createNamespace(prefix);
  const all = Array.from({ length: count }, (_, i) => configMap(ns, `o${String(i).padStart(4, '0')}`));
  for (let i = 0; i < count; i += 50) await Promise.all(all.slice(i, i + 50).map(async (one) => admin.create(one)));
  const collection = `/api/v1/namespaces/${ns}/configmaps`;
  collections.add(collection);
  return { ns, collection };
}

/** The policy has said of so many objects that all is well with them. */
async function settled(ns: string, matched: number): Promise<void> {
  await stage().policy(ns, (policy) => is(policy, 'Compliant') === 'True' && policy.summary['owned'] === matched);
}

async function labelled(collection: string, atLeast: number): Promise<void> {
  const count = async () => stage().countLabelled(collection, KEPT);
  await eventually('labelled objects', count, (found) => found >= atLeast, { intervalMs: 5 });
}

test('L1: who stands by writes nothing, and leads within 20 s of the moment in which the leader is killed', async () => {
  const { admin, cluster } = stage();
  const { ns, collection } = await objects('killed', 3);
  const mark = await cluster.auditMark();
  const [first, second] = await pair([]);
  await enforce(ns);
  await settled(ns, 3);
  // Its caches are as warm as the leader's, whoever of them was first.
  await expect.poll(async () => second.metric('watchkeeper_informer_objects', 'kind="configmaps"')).toBeGreaterThan(2);
  expect((await second.page('/readyz')).body).toContain("this process stands by: 'replica-a' holds the Lease");
  expect((await first.page('/readyz')).body).toContain('this process leads');
  expect(await writesOf('b', mark)).toEqual([]);
  const killed = performance.now();
  await first.kill();
  await admin.create(configMap(ns, 'later'));
  await leads(second, true, 20_000 - (performance.now() - killed));
  await stage().labels(`${collection}/later`, ({ kept }) => kept === 'yes');
  expect(performance.now() - killed).toBeLessThan(20_000);
  await settled(ns, 4);
  expect(inOrder(ofObjects(await writesOf('a', mark), ns))).toEqual(['o0000', 'o0001', 'o0002']);
  expect(inOrder(ofObjects(await writesOf('b', mark), ns))).toEqual(['later']);
  expect(at(await admin.get(LEASE), 'spec')).toMatchObject({ holderIdentity: 'replica-b', leaseTransitions: 1 });
});

test('L1: who takes over goes by the policies as they are, and not by what its own watch of them has shown so far', async () => {
  const { cluster } = stage();
  const { ns, collection } = await objects('owed', 3);
  const { proxy, kubeconfig } = proxied();
  const [first, second] = await pair(SHORT_LEASE, { standby: kubeconfig });
  await expect.poll(async () => (await second.page('/readyz')).status).toBe(200);
  proxy.useEvents(drop((_event, { path }) => path.includes('/watchpolicies')));
  await enforce(ns);
  await settled(ns, 3);
  const mark = await cluster.auditMark();
  await first.kill();
  await leads(second);
  await expect.poll(async () => second.metric('watchkeeper_policy_objects', `policy="${ns}",state="matched"`)).toBe(3);
  await idle(second);
  expect([ofObjects(await writesOf('b', mark), ns), await stage().countLabelled(collection, KEPT)]).toEqual([[], 3]);
  expect(await second.stop()).toBe(0);
});

test('L1: who takes over leaves nothing of a policy that is gone, also where its own watch of a kind has not shown it', async () => {
  const { admin } = stage();
  const { ns, collection } = await objects('late', 3);
  const { proxy, kubeconfig } = proxied();
  const [first, second] = await pair(SHORT_LEASE, { standby: kubeconfig });
  // By this one the kind is watched whatever becomes of the other, and as a whole.
  const match = { resources: [{ group: '', resource: 'configmaps' }] };
  await stage().applyPolicy('judge', { match, rules: [{ name: 'team', require: { labels: [{ key: 'team' }] } }] });
  await enforce(ns);
  await settled(ns, 3);
  const known = async () => second.metric('watchkeeper_informer_objects', 'kind="configmaps"');
  await expect.poll(known).toBeGreaterThanOrEqual(3);
  proxy.useEvents(drop(({ key }) => key.startsWith(`${ns}/`)));
  await admin.createMany(Array.from({ length: 3 }, (_, i) => configMap(ns, `late-${i}`)));
  await settled(ns, 6);
  await first.kill();
  await stage().deletePolicy(ns);
  await leads(second);
  await stage().waitForCount(collection, KEPT, 0);
  expect(await second.stop()).toBe(0);
});

test('L1: who takes over leaves what the leader has reported as it stands, also where its own watch has not shown it', async () => {
  const { admin, cluster } = stage();
  const { ns } = await objects('reported', 1);
  const { proxy, kubeconfig } = proxied();
  const [first, second] = await pair(SHORT_LEASE, { standby: kubeconfig });
  await stage().applyPolicy(ns, {
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] },
    rules: [{ name: 'team', require: { labels: [{ key: 'team' }] } }],
  });
  await stage().policy(ns, ({ violationsTotal }) => violationsTotal === 1);
  await expect.poll(async () => second.metric('watchkeeper_informer_objects', 'kind="configmaps"')).toBeGreaterThan(0);
  proxy.useEvents(drop((_event, { path }) => path.includes('/watchpolicies')));
  await admin.create(configMap(ns, 'late'));
  const { raw } = await stage().policy(ns, ({ violationsTotal }) => violationsTotal === 2);
  await admin.waitForList(`/apis/events.k8s.io/v1/namespaces/${ns}/events`, ({ items }) => items.length === 1);
  await expect.poll(async () => second.metric('watchkeeper_informer_objects', 'kind="configmaps"')).toBeGreaterThan(1);
  const mark = await cluster.auditMark();
  await first.kill();
  await leads(second);
  await expect.poll(async () => second.metric('watchkeeper_policy_results', `policy="${ns}"`)).toBe(2);
  await idle(second);
  // What is due would be written, and told, as it ends.
  expect(await second.stop()).toBe(0);
  expect(await writesOf('b', mark)).toEqual([]);
  expect((await stage().policy(ns, () => true)).raw['status']).toEqual(raw['status']);
});

test('L3: a leader that is stopped gives the Lease back; the next one leads within 3 s, and where there is nothing to do writes nothing', async () => {
  const { cluster } = stage();
  const { ns } = await objects('stopped', 20);
  const [first, second] = await pair([]);
  await enforce(ns);
  await stage().applyPolicy(`${ns}-audit`, {
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] },
    rules: [{ name: 'team', require: { labels: [{ key: 'team' }] } }],
  });
  await settled(ns, 20);
  await stage().policy(`${ns}-audit`, ({ violationsTotal }) => violationsTotal === 20);
  await idle(first);
  const mark = await cluster.auditMark();
  const asked = Date.now();
  const ended = first.stop();
  expect(await ledAfter(second, asked)).toBeLessThan(3_000);
  expect([await ended, await holder()]).toEqual([0, 'replica-b']);
  const found = async () => second.metric('watchkeeper_policy_results', `policy="${ns}-audit"`);
  await eventually('results', found, (count) => count === 20);
  await idle(second);
  // What is due would be written as it ends.
  expect(await second.stop()).toBe(0);
  expect(await writesOf('b', mark)).toEqual([]);
  expect(await holder()).toBe('');
});

test('L3: stopped in the middle of many writes, a leader ends those that are under way; the next one makes the others, and no status is lost', async () => {
  const count = 400;
  const { cluster } = stage();
  const { ns, collection } = await objects('load', count);
  const [first, second] = await pair([]);
  const mark = await cluster.auditMark();
  await enforce(ns);
  await labelled(collection, 20);
  expect(await first.stop()).toBe(0);
  await leads(second);
  await settled(ns, count);
  const [a, b] = [await writesOf('a', mark), await writesOf('b', mark)];
  const [ofA, ofB] = [ofObjects(a, ns), ofObjects(b, ns)];
  expect(ofA.length).toBeGreaterThanOrEqual(20);
  expect(ofB.length).toBeGreaterThan(0);
  expect(new Set(inOrder([...ofA, ...ofB])).size).toBe(count);
  // Undisturbed it is one for each; what the last ones of the first came to, the second may not have seen yet.
  expect(ofA.length + ofB.length).toBeLessThanOrEqual(count + 16);
  expect(Math.max(...a.map(({ completedAt }) => completedAt))).toBeLessThanOrEqual(
    Math.min(...b.map(({ receivedAt }) => receivedAt)),
  );
});

interface Held {
  readonly isHeld: (request: ProxiedRequest, ns: string) => boolean;
  /** It is held as soon as there is something to do, and not only as the leader ends. */
  readonly atOnce: boolean;
}

const isWriteOf = (resource: string) => (request: ProxiedRequest) =>
  isWrite(request) && request.path.includes(resource);

test.each<[string, Held]>([
  [
    'one of its writes',
    { isHeld: ({ method, path }, ns) => method === 'PATCH' && path.includes(`/${ns}/configmaps/`), atOnce: true },
  ],
  ['what puts them on record first', { isHeld: isWriteOf('/configmaps/watchkeeper-ledger'), atOnce: true }],
  ['a status', { isHeld: isWriteOf('/watchpolicies/'), atOnce: true }],
  ['an Event', { isHeld: isWriteOf('/events'), atOnce: false }],
])(
  'L3: stopped while %s gets no answer, a leader gives the Lease back all the same, and the next one leads within 3 s',
  async (_, { isHeld, atOnce }) => {
    const count = 40;
    const { ns, collection } = await objects('slow-stop', count);
    const { proxy, kubeconfig } = proxied();
    const [first, second] = await pair([], { kubeconfig });
    const held = Promise.withResolvers<void>();
    const sent = Promise.withResolvers<void>();
    proxy.use(async (request) => {
      if (!isHeld(request, ns)) return PASS;
      sent.resolve();
      await held.promise;
      return REFUSE_BEFORE;
    });
    await enforce(ns);
    await (atOnce ? sent.promise : labelled(collection, count));
    const asked = Date.now();
    const ended = first.stop();
    expect(await ledAfter(second, asked)).toBeLessThan(3_000);
    await sent.promise;
    held.resolve();
    expect(await ended).toBe(0);
    await settled(ns, count);
    expect(await second.stop()).toBe(0);
  },
);

test('L1: a leader that is paused for longer than its Lease and wakes writes nothing, stands by, and leads again later', async () => {
  const count = 400;
  const { admin, cluster } = stage();
  const { ns, collection } = await objects('paused', count);
  const [first, second] = await pair(SHORT_LEASE);
  const mark = await cluster.auditMark();
  await enforce(ns);
  await labelled(collection, 20);
  process.kill(first.pid, 'SIGSTOP');
  await leads(second);
  const takenOver = Date.now();
  await settled(ns, count);
  // It is in the middle of its work as it wakes.
  expect(ofObjects(await writesOf('a', mark), ns).length).toBeLessThan(count);
  process.kill(first.pid, 'SIGCONT');
  await leads(first, false);
  const told = async () => first.lines.map(({ msg }) => msg).join('\n');
  await eventually('what it says', told, (all) => all.includes('this process writes nothing any more, and stands by'));
  await admin.patch(`${collection}/o0000`, { metadata: { labels: { kept: null } } });
  await stage().labels(`${collection}/o0000`, ({ kept }) => kept === 'yes');
  const woken = (await writesOf('a', mark)).filter(({ receivedAt }) => receivedAt >= takenOver);
  expect(woken).toEqual([]);
  const all = [...(await writesOf('a', mark)), ...(await writesOf('b', mark))];
  const written = ofObjects(all, ns);
  // One each, and that of the label which somebody took away; those that were under way may not have been seen yet.
  expect(written.length).toBeLessThanOrEqual(count + 1 + 16);

  expect(await second.stop()).toBe(0);
  await leads(first);
  await admin.create(configMap(ns, 'later'));
  await stage().labels(`${collection}/later`, ({ kept }) => kept === 'yes');
  expect(await first.stop()).toBe(0);
});

test('L1: a leader that is cut off stops by itself; what it had sent and was held up on its way is never carried out', async () => {
  const { admin, cluster } = stage();
  const { ns, collection } = await objects('cut', 2);
  const { proxy, kubeconfig } = proxied();
  const [first, second] = await pair(SHORT_LEASE, { kubeconfig });
  await enforce(ns);
  await settled(ns, 2);
  const held = Promise.withResolvers<typeof PASS>();
  const writes: string[] = [];
  proxy.use(({ path, write }) => {
    if (path === LEASE) return held.promise;
    if (write === undefined) return PASS;
    writes.push(path);
    return held.promise;
  });
  await admin.patch(`${collection}/o0000`, { metadata: { labels: { kept: null } } });
  await eventually(
    'the write that is held up',
    async () => writes,
    (paths) => paths.includes(`${collection}/o0000`),
  );
  // What was on its way to the server before has arrived.
  const mark = await cluster.auditMark();
  await leads(first, false);
  await leads(second);
  await stage().labels(`${collection}/o0000`, ({ kept }) => kept === 'yes');
  held.resolve(PASS);
  proxy.clear();
  await eventually(
    'what it says',
    async () => (await first.page('/readyz')).body,
    (body) => body.includes('replica-b'),
  );
  await admin.patch(`${collection}/o0001`, { metadata: { labels: { kept: null } } });
  await stage().labels(`${collection}/o0001`, ({ kept }) => kept === 'yes');
  expect(await writesOf('a', mark)).toEqual([]);
  expect(inOrder(ofObjects(await writesOf('b', mark), ns))).toEqual(['o0000', 'o0001']);
});

test('L2: the wall clock jumps by an hour, here forward and there back, and nothing comes of it', async () => {
  const { admin, cluster } = stage();
  const { ns, collection } = await objects('jump', 2);
  const [first, second] = await pair(SHORT_LEASE, { flags: [jumping(HOUR), jumping(-HOUR)] });
  await enforce(ns);
  await settled(ns, 2);
  const mark = await cluster.auditMark();
  const before = at(await admin.get(LEASE), 'spec', 'leaseTransitions');
  for (const jump of [HOUR, -HOUR]) {
    for (const { pid } of [first, second]) process.kill(pid, 'SIGUSR2');
    const seen = new Set<string>();
    const renewed = async () => seen.add(String(at(await admin.get(LEASE), 'spec', 'renewTime')));
    await eventually('renewals', renewed, (stamps) => stamps.size > 4);
    expect(Math.abs(Date.parse([...seen].at(-1) ?? '') - Date.now() - jump)).toBeLessThan(60_000);
  }
  expect([await first.metric('watchkeeper_leader'), await second.metric('watchkeeper_leader')]).toEqual([1, 0]);
  await admin.patch(`${collection}/o0001`, { metadata: { labels: { kept: null } } });
  await stage().labels(`${collection}/o0001`, ({ kept }) => kept === 'yes');
  expect(at(await admin.get(LEASE), 'spec')).toMatchObject({ holderIdentity: 'replica-a', leaseTransitions: before });
  expect(await writesOf('b', mark)).toEqual([]);
  expect(inOrder(ofObjects(await writesOf('a', mark), ns))).toEqual(['o0001']);
});
