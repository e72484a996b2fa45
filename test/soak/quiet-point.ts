import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { DiscoveryClient } from '../../src/kube/discovery-client.ts';
import type { HttpKubeClient } from '../../src/kube/http-client.ts';
import { at } from '../cluster/kube-object.ts';
import { foundStatus } from '../differential/found-status.ts';
import { type Expectation, expectation } from '../differential/oracle.ts';
import type { Installation } from '../support/installation.ts';
import { CalmLooks } from './calm-looks.ts';
import type { Holdings } from './holdings.ts';
import { CUSTOM, GROUP, NAMESPACES } from './kinds.ts';
import type { Population } from './population.ts';
import type { Replica } from './replica.ts';

/** What was seen when nothing happened. */
export interface QuietPoint {
  /** Since the soak began. */
  readonly atMs: number;
  readonly replicas: readonly ReplicaAtRest[];
  /** How long it took until all was as the policies say, in milliseconds. */
  readonly settledAfterMs: number;
  /** What is not as it should be. */
  readonly wrong: readonly string[];
  /** For people. */
  readonly lines: readonly string[];
}

export interface ReplicaAtRest {
  readonly name: string;
  readonly life: number;
  readonly leads: boolean;
  readonly holdings: Holdings;
}

export interface QuietPointOptions {
  readonly stage: Installation;
  readonly client: HttpKubeClient;
  readonly population: Population;
  readonly replicas: readonly Replica[];
  readonly first: QuietPoint | undefined;
  readonly atMs: number;
  readonly restMs: number;
  /** What is held counts as that for good when it has not changed for so long. */
  readonly calmMs: number;
}

/** Until all is as the policies say: what is tried again after a fault may wait for its turn. */
const SETTLE_MS = 180_000;
/** Until idle connections are closed and their timers with them. */
const CALM_MS = 150_000;
/** Longer than a status may wait for the one before it. */
const LAST_STATUSES_MS = 5_000;
/** What is there for a request under way is gone in one of so many looks. */
const LOOKS = 3;
/** Collecting all garbage of a process costs it something. */
const LOOK_AGAIN_MS = 2_000;
/** One that was left after a fault carries its watches until they end, in five to ten minutes. */
const LEFT_CONNECTIONS = 1;
const OF_A_CONNECTION: ReadonlySet<string> = new Set(['TCPSocketWrap', 'Timeout']);
const QUEUES = ['evaluation_queue_depth', 'write_queue_depth', 'event_queue_depth', 'writes_in_flight'];
/** A Lease is kept by writing it; an Event says how often something happened up to six minutes after it did. */
const NOT_COUNTED: ReadonlySet<string> = new Set(['leases', 'events']);
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/watchkeeper/leases/watchkeeper';
const signal = new AbortController().signal;

export async function quietPoint(options: QuietPointOptions): Promise<QuietPoint> {
  const { stage, replicas, first, atMs, restMs, calmMs } = options;
  const began = performance.now();
  const wrong: string[] = [];
  const last = await until(SETTLE_MS, async () => unsettled(options));
  wrong.push(...last.map((line) => `not as the policies say after ${SETTLE_MS / 1_000} s: ${line}`));
  const settledAfterMs = performance.now() - began;
  wrong.push(...(await until(CALM_MS, async () => busy(replicas))));
  wrong.push(...(await until(CALM_MS, async () => writtenWithin(stage, LAST_STATUSES_MS), 0)));
  wrong.push(...(await writtenWithin(stage, restMs)));
  const { kinds } = await expected(options);
  const looks = new CalmLooks<readonly ReplicaAtRest[]>(first === undefined ? calmMs : 0);
  let seen: readonly ReplicaAtRest[] = [];
  const different = await until(
    CALM_MS,
    async () => {
      const look = await atRest(stage, replicas);
      looks.add(performance.now(), JSON.stringify(look.map(({ holdings }) => [...sorted(holdings.resources)])), look);
      seen = looks.usual ?? look;
      return looks.areCalm ? differences(seen, first, kinds) : ['what is held still changes'];
    },
    LOOK_AGAIN_MS,
  );
  wrong.push(...different);
  return { atMs, replicas: seen, settledAfterMs, wrong, lines: seen.map((one) => lineOf(one, atMs, settledAfterMs)) };
}

/** Looks again until nothing is left to say, or time is up; resolves to what was said last. */
async function until(ms: number, look: () => Promise<readonly string[]>, pauseMs = 500): Promise<readonly string[]> {
  const deadline = performance.now() + ms;
  for (;;) {
    const said = await look();
    if (said.length === 0 || performance.now() > deadline) return said;
    await delay(pauseMs);
  }
}

async function expected({ client, population }: QuietPointOptions): Promise<Expectation> {
  const discovery = await new DiscoveryClient(client).refresh(signal);
  return expectation(client, discovery, {
    policies: await population.policies(),
    namespaces: NAMESPACES,
    written: ['configmaps', 'services', ...CUSTOM.map(({ plural }) => `${plural}.${GROUP}`)],
  });
}

async function unsettled(options: QuietPointOptions): Promise<readonly string[]> {
  const { unsettled: objects, statuses } = await expected(options);
  const wrong = objects.slice(0, 5);
  for (const [policy, wanted] of Object.entries(statuses)) {
    const found = await foundStatus(options.stage.admin, policy);
    if (isDeepStrictEqual(found, wanted)) continue;
    const [is, should] = [found, wanted].map(({ accepted, summary }) => JSON.stringify({ accepted, ...summary }));
    wrong.push(`the status of ${policy} says ${is}, and should say ${should}`);
  }
  return wrong;
}

async function busy(replicas: readonly Replica[]): Promise<readonly string[]> {
  const found = replicas.flatMap(({ name, process }) =>
    QUEUES.map(async (queue) => {
      const depth = await process.metric(`watchkeeper_${queue}`);
      return depth === 0 ? [] : [`replica ${name} still has ${queue} ${depth}`];
    }),
  );
  return (await Promise.all(found)).flat();
}

/** What the operator writes in so many milliseconds from now. */
async function writtenWithin(stage: Installation, ms: number): Promise<readonly string[]> {
  const mark = await stage.cluster.auditMark();
  await delay(ms);
  return (await stage.cluster.entriesSince(mark))
    .filter(({ userAgent, resource }) => userAgent.startsWith('watchkeeper/') && !NOT_COUNTED.has(resource))
    .map(({ verb, resource, subresource, name }) => `written at rest: ${verb} ${resource} ${name} ${subresource}`);
}

async function atRest(stage: Installation, replicas: readonly Replica[]): Promise<readonly ReplicaAtRest[]> {
  const leader = at(await stage.admin.get(LEASE), 'spec', 'holderIdentity');
  return Promise.all(
    replicas.map(async (replica) => {
      const { name, life } = replica;
      return { name, life, leads: name === leader, holdings: await holdingsOf(replica) };
    }),
  );
}

/** What a replica holds for good: of several looks the fewest of each, since renewing the Lease takes a timer now and then. */
async function holdingsOf(replica: Replica): Promise<Holdings> {
  let seen = await replica.holdings();
  for (let look = 1; look < LOOKS; look++) {
    const before = seen.resources;
    seen = await replica.holdings();
    const fewest = [...seen.resources].map(([what, count]) => [what, Math.min(count, before.get(what) ?? 0)] as const);
    seen = { ...seen, resources: new Map(fewest.filter(([, count]) => count > 0)) };
  }
  return seen;
}

/** As many watches, and no more sockets and timers, as at the first rest of a replica with the same part to play. */
function differences(
  seen: readonly ReplicaAtRest[],
  first: QuietPoint | undefined,
  kinds: readonly string[],
): readonly string[] {
  const leaders = seen.filter(({ leads }) => leads);
  if (leaders.length !== 1) return [`${leaders.length} of the replicas lead`];
  return seen.flatMap((replica) => {
    const { name, leads, holdings } = replica;
    const before = first?.replicas.find((one) => one.leads === leads)?.holdings;
    const wrong: string[] = [];
    const say = (what: string, is: unknown, was: unknown) => {
      if (!isDeepStrictEqual(is, was)) wrong.push(`replica ${name}: ${what} ${shown(is)}, and should be ${shown(was)}`);
    };
    say('watched kinds are', holdings.kinds, new Map(kinds.map((kind) => [kind, 'Watching'])));
    if (before !== undefined) {
      say('watches are', holdings.watches, before.watches);
      // Each has a socket, and a timer for its PING.
      const left = Math.min(LEFT_CONNECTIONS, Math.max(0, holdings.connections - before.connections));
      for (const [resource, count] of sorted(holdings.resources)) {
        const most = (before.resources.get(resource) ?? 0) + (OF_A_CONNECTION.has(resource) ? left : 0);
        if (count > most) wrong.push(`replica ${name} holds ${count} of ${resource}, and should hold at most ${most}`);
      }
    }
    return wrong;
  });
}

function sorted(counts: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  return new Map([...counts].toSorted(([a], [b]) => a.localeCompare(b)));
}

function shown(value: unknown): string {
  return value instanceof Map ? JSON.stringify(Object.fromEntries(value)) : JSON.stringify(value);
}

function lineOf({ name, leads, life, holdings }: ReplicaAtRest, atMs: number, settledAfterMs: number): string {
  const { heap, residentBytes, sockets, watches, resources } = holdings;
  const timers = resources.get('Timeout') ?? 0;
  return [
    `${(atMs / 60_000).toFixed(1).padStart(5)} min`,
    `replica ${name}${life > 0 ? `.${life}` : ''} ${leads ? 'leads' : 'waits'}`,
    `heap ${(heap.objects / 2 ** 20).toFixed(2)} MiB, code ${(heap.code / 2 ** 20).toFixed(2)} MiB`,
    `resident ${(residentBytes / 2 ** 20).toFixed(0)} MiB`,
    `${sockets} sockets, ${timers} timers, ${watches} watches`,
    `settled after ${(settledAfterMs / 1_000).toFixed(1)} s`,
  ].join(' | ');
}
