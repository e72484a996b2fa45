import { beforeEach, expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import { POLICIES } from '../support/installation.ts';
import { keysAndOwners } from '../support/key-owners.ts';
import { idle, LEDGER } from '../support/policy-story.ts';
import { configMap, useStage } from '../support/stage.ts';

const stage = useStage();
const MANY = 300;
let ns = '';
let collection = '';
let match: object;

const set = (key: string) => ({ name: key, set: { labels: [{ key, value: 'on' }] } });
const labelled = async (key: string) => stage().countLabelled(collection, `${key}=on`);

beforeEach(async () => {
  ns = await stage().admin.createNamespace('second-thoughts');
  collection = `/api/v1/namespaces/${ns}/configmaps`;
  match = { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] };
});

/** Objects with the labels `kept` and `dropped`, set by policy p. */
async function objects(count: number): Promise<void> {
  await stage().admin.createMany(Array.from({ length: count }, (_, i) => configMap(ns, `o${i}`)));
  await stage().applyPolicy('p', { mode: 'Enforce', match, rules: [set('kept'), set('dropped')] });
  await stage().policy('p', ({ summary }) => summary['owned'] === count);
}

test.each([
  ['a rule', () => ({ match, rules: [set('kept')] })],
  ['its namespace', () => ({ match: { ...match, namespaces: ['elsewhere'] }, rules: [set('kept'), set('dropped')] })],
])(
  'a policy that lost %s and is suspended in the middle of what follows takes nothing more away',
  async (_, edited) => {
    const operator = await stage().startOperator({ args: ['--write-concurrency', '2'] });
    await objects(MANY);
    const mark = await stage().cluster.auditMark();
    await stage().applyPolicy('p', { mode: 'Enforce', ...edited() });
    await eventually(
      'the first that lost it',
      async () => labelled('dropped'),
      (count) => count < MANY,
      { intervalMs: 5 },
    );
    await stage().applyPolicy('p', { mode: 'Suspended', ...edited() });
    await stage().policy('p', ({ generation }) => generation === 3);
    await idle(operator);
    const left = await labelled('dropped');
    expect(left).toBeGreaterThan(0);
    expect(await stage().writesSince(mark, ns)).toHaveLength(MANY - left);
    // The next process knows it too.
    await operator.kill();
    const next = await stage().startOperator();
    await expect.poll(async () => (await next.page('/readyz')).status).toBe(200);
    await idle(next);
    expect(await labelled('dropped')).toBe(left);
    // Enforced again, it goes on.
    await stage().applyPolicy('p', { mode: 'Enforce', ...edited() });
    await eventually(
      'the last that lost it',
      async () => labelled('dropped'),
      (count) => count === 0,
    );
  },
);

test.each(['Enforce', 'Suspended'] as const)(
  'in %s a policy is told to retain, and deleted: what it had set stays',
  async (mode) => {
    await stage().startOperator();
    await objects(3);
    await stage().applyPolicy('p', { mode, removalPolicy: 'Retain', match, rules: [set('kept')] });
    await stage().policy('p', ({ generation }) => generation === 2);
    await stage().admin.delete(`${POLICIES}/p`);
    await expect
      .poll(async () => keysAndOwners(await stage().admin.get(`${collection}/o0`)))
      .toEqual({ kept: 'on (watchkeeper-retained)', dropped: 'on (watchkeeper-retained)' });
    expect([await labelled('kept'), await labelled('dropped')]).toEqual([3, 3]);
    const ledger = async () => JSON.stringify(await stage().admin.get(LEDGER));
    await expect.poll(ledger).not.toContain('"p\\"');
  },
);
