import { expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import { type Holdings, holdingsOf, INSPECTABLE, inspect } from '../soak/holdings.ts';
import type { OperatorProcess } from '../support/operator-process.ts';
import { useOwnStage } from '../support/own-stage.ts';
import { ledgerOf } from '../support/policy-story.ts';
import { collectionOf, SmallCrds, type SmallKind } from '../support/small-crd.ts';

const { stage } = useOwnStage();
const GROUP = 'churn.example.com';
/** Kinds that live at a time, and how many of them after each other: 40 lives. */
const LANES = 5;
const LIVES = 8;
const OBJECTS = ['a', 'b', 'c'];
const GROWTH = 1.05;
/** Sockets and timers that come and go by themselves. */
const FEW_HELD = 2;
/** Of one class, or closures of one function: one for each life, or for each kind that never was before, would be more. */
const FEW_INSTANCES = (LANES * LIVES) / 2 - 1;
/** Of an operator whose policies fit nothing: CRDs, APIServices and WatchPolicies. */
const OWN_WATCHES = 3;

/** One life after the other: a kind that was there before, then one that never was. */
function kindOf(lane: number, life: number): SmallKind {
  const name = `Churn${lane}${life % 2 === 0 ? '' : `of${life}`}`;
  return { group: GROUP, plural: `${name.toLowerCase()}s`, kind: name };
}

/** From the CRD's creation until it and its objects, which were all labelled, are gone. */
async function live(kind: SmallKind, ns: string): Promise<void> {
  const crds = new SmallCrds(stage());
  await crds.apply(kind);
  await crds.established(kind);
  for (const name of OBJECTS) await crds.put(kind, name, ns);
  await stage().waitForCount(collectionOf(kind, ns), 'env=prod', OBJECTS.length);
  await crds.remove(kind);
}

/** What there are more of, beyond `few` and the growth that is let through. */
function grown(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  few: number,
): Record<string, string> {
  const more = [...after].filter(([what, count]) => {
    const was = before.get(what) ?? 0;
    return count - was > few && count > was * GROWTH;
  });
  return Object.fromEntries(more.map(([what, count]) => [what, `${before.get(what) ?? 0} -> ${count}`]));
}

const counts = ({ sockets, resources }: Holdings): ReadonlyMap<string, number> =>
  new Map([...resources, ['sockets', sockets]]);

async function instancesIn(operator: OperatorProcess): Promise<ReadonlyMap<string, number>> {
  using inspector = await inspect(operator);
  return await inspector.instances();
}

test('row 32: forty kinds that come and go under a policy on all of them leave no socket, session, timer, listener or object behind', async () => {
  const ns = await stage().admin.createNamespace('churn');
  await stage().grant(GROUP, ['*']);
  await stage().applyPolicy('wild', {
    mode: 'Enforce',
    match: { resources: [{ group: '*.example.com', resource: '*' }], namespaces: [ns] },
    rules: [
      { name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } },
      { name: 'has-env', require: { labels: [{ key: 'env' }] } },
    ],
  });
  const operator = await stage().startOperator({ nodeFlags: [INSPECTABLE] });
  const lanes = Array.from({ length: LANES }, (_, lane) => lane);
  const watches = async () => operator.metric('watchkeeper_streams', 'pool="watch"');
  const watched = async () => [...(await operator.labels('watchkeeper_informer_state', 'kind', 'state')).keys()];
  const lives = async (from: number, to: number) => {
    await Promise.all(
      lanes.map(async (lane) => {
        for (let life = from; life < to; life += 1) await live(kindOf(lane, life), ns);
      }),
    );
    // The last of them is let go a moment after it is gone, and with it the Namespaces where its objects were.
    await eventually('watched kinds', watched, (kinds) => kinds.length === 0);
    await eventually('its watches', watches, (count) => count === OWN_WATCHES);
    await expect.poll(async () => ledgerOf(stage())).toMatchObject({ kinds: '' });
  };
  // What is made once: code, tables of strings, connections.
  await lives(0, LIVES);
  const [before, instances] = [await holdingsOf(operator), await instancesIn(operator)];
  // Others of those that never were: what is kept by name is more of it too.
  await lives(LIVES, 2 * LIVES);
  const more = async () => {
    const after = await holdingsOf(operator);
    const growth = after.heap.objects / before.heap.objects;
    return { ...grown(counts(before), counts(after), FEW_HELD), ...(growth > GROWTH ? { heap: growth } : {}) };
  };
  await eventually('what is held', more, (found) => Object.keys(found).length === 0, { intervalMs: 1_000 });
  // What has just ended is let go a moment later.
  await expect
    .poll(async () => grown(instances, await instancesIn(operator), FEW_INSTANCES), { interval: 2_000 })
    .toEqual({});
});
