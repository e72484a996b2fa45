import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { enforcing } from '../../test/support/compiled-policy.ts';
import type { CachedObject } from '../api/object.ts';
import type { DiscoverySnapshot, ServedVersion } from '../kube/discovery.ts';
import { PolicySet } from './policy-set.ts';

const GOOD = enforcing({ rules: [{ name: 'r', set: { labels: [{ key: 'env', value: 'prod' }] } }] });
const BAD = { ...GOOD, mode: 'Never' };
/** Reads data of ConfigMaps and does not say in which version. */
const VERSIONLESS = enforcing({
  rules: [{ name: 'r', set: { labels: [{ key: 'env', valueFrom: { jsonPath: '$.data.env' } }] } }],
});

const policy = (spec: unknown, generation = 1, fields: Partial<CachedObject> = {}): CachedObject =>
  cachedObject({ name: 'p', namespace: '', generation, body: { spec }, ...fields });

const served = (...versions: readonly string[]): DiscoverySnapshot => {
  const all = versions.map(
    (version): ServedVersion => ({ version, kind: 'ConfigMap', scope: 'Namespaced', verbs: ['list', 'watch'] }),
  );
  return new Map([['configmaps', { group: '', resource: 'configmaps', versions: all, stale: false }]]);
};

/** Each look at the clock is a millisecond later. */
const ticking = () => {
  let now = 0;
  return { monotonic: () => now++ };
};
const large = (rules: number) => ({
  ...GOOD,
  rules: Array.from({ length: rules }, (_, i) => ({ name: `r${i}`, require: { labels: [{ key: 'team' }] } })),
});
const turn = async () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a policy', () => {
  test('is compiled once for each spec; its status may change without that', () => {
    const policies = new PolicySet();
    expect(policies.upsert(policy(GOOD))).toBe('Changed');
    const first = policies.get('p');
    expect(first).toMatchObject({ acceptance: { ok: true }, generation: 1, program: { policy: 'p', generation: 1 } });
    const statusEdit = policy(GOOD, 1, { resourceVersion: '2' });
    expect(policies.upsert(statusEdit)).toBe('Same');
    expect(policies.get('p')?.program).toBe(first?.program);
    expect(policies.get('p')?.object).toBe(statusEdit);
    expect(policies.upsert(policy(GOOD, 2))).toBe('Changed');
    expect(policies.get('p')?.program?.generation).toBe(2);
  });

  test('is compiled again where the same generation comes with another spec, as after a restore of etcd', () => {
    const policies = new PolicySet();
    policies.upsert(policy(GOOD, 2));
    const other = enforcing({ rules: [{ name: 'r', set: { labels: [{ key: 'env', value: 'test' }] } }] });
    expect(policies.upsert(policy(other, 2))).toBe('Changed');
    expect(policies.get('p')?.object.body).toEqual({ spec: other });
    expect(policies.upsert(policy(other, 2))).toBe('Same');
  });

  test('that is edited into an invalid one stays in force as it was', () => {
    const policies = new PolicySet();
    policies.upsert(policy(GOOD));
    policies.upsert(policy(BAD, 2));
    expect(policies.get('p')).toMatchObject({
      generation: 2,
      acceptance: { ok: false, reason: 'InvalidSpec', issues: [{ path: 'spec.mode' }] },
      program: { generation: 1 },
    });
    policies.upsert(policy(GOOD, 3));
    expect(policies.get('p')).toMatchObject({ acceptance: { ok: true }, program: { generation: 3 } });
  });

  test('that was invalid from the start has nothing in force', () => {
    const policies = new PolicySet();
    policies.upsert(policy(BAD));
    expect(policies.get('p')?.program).toBeUndefined();
  });

  test('that is made again under the same name inherits nothing', () => {
    const policies = new PolicySet();
    policies.upsert(policy(GOOD));
    expect(policies.upsert(policy(BAD, 1, { uid: 'another' }))).toBe('Changed');
    expect(policies.get('p')?.program).toBeUndefined();
  });

  test('that uses what is not there yet is refused in those words', () => {
    const policies = new PolicySet();
    policies.upsert(policy({ ...GOOD, variables: [{ name: 'v', expression: '1' }] }));
    expect(policies.get('p')?.acceptance).toMatchObject({ ok: false, reason: 'NotSupported' });
  });

  test('that is bad has no effect on others, which come in the order of their names', () => {
    const policies = new PolicySet();
    for (const [name, spec] of [
      ['c', GOOD],
      ['a', BAD],
      ['b', GOOD],
    ] as const) {
      policies.upsert(policy(spec, 1, { name, uid: name }));
    }
    expect(policies.entries().map(({ name, acceptance }) => [name, acceptance.ok])).toEqual([
      ['a', false],
      ['b', true],
      ['c', true],
    ]);
    policies.remove('a');
    expect([policies.size, policies.get('a')]).toEqual([2, undefined]);
  });
});

describe('a policy that must name a version', () => {
  test('is refused with the versions that the server has, as soon as these are known', () => {
    const policies = new PolicySet();
    policies.upsert(policy(VERSIONLESS));
    const message = () => {
      const acceptance = policies.get('p')?.acceptance;
      return acceptance?.ok === false ? acceptance.issues[0]?.message : undefined;
    };
    expect(message()).toContain('which is not served yet');
    policies.setDiscovery(served('v1', 'v2'));
    expect(policies.get('p')?.acceptance).toMatchObject({ reason: 'InvalidSpec' });
    expect(message()).toMatch(/which the API server has in 'v1'.*'v2'/);
  });

  test('stays in force as it was when only discovery changes', () => {
    const policies = new PolicySet();
    policies.upsert(policy(GOOD));
    policies.upsert(policy(VERSIONLESS, 2));
    policies.setDiscovery(served('v1'));
    expect(policies.get('p')).toMatchObject({ acceptance: { ok: false }, program: { generation: 1 } });
  });
});

describe('what a slice is too short for', () => {
  test('when discovery changes, too: policies that name what is served are looked at again one by one', async () => {
    const policies = new PolicySet({ clock: ticking() });
    const told: string[] = [];
    policies.onLate(({ name }) => told.push(name));
    const names = Array.from({ length: 9 }, (_, i) => `p${i}`);
    for (const name of names) {
      policies.upsert(policy(VERSIONLESS, 1, { name, uid: name }));
      while (policies.underWay > 0) await turn();
    }
    await turn();
    told.length = 0;
    policies.setDiscovery(served('v1'));
    expect(told).toEqual([]);
    await turn();
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThan(9);
    for (let i = 0; i < 20 && told.length < 9; i++) await turn();
    expect(told).toEqual(names);
    const said = policies.entries().map(({ acceptance }) => JSON.stringify(acceptance));
    expect(said.every((text) => text.includes("which the API server has in 'v1'"))).toBe(true);
    // Where nothing else is to be said of them, nobody is told.
    policies.setDiscovery(served('v1'));
    for (let i = 0; i < 20; i++) await turn();
    expect(told).toHaveLength(9);
  });

  test('is gone on with in later turns of the event loop, and told when it is done', async () => {
    const policies = new PolicySet({ clock: ticking() });
    const late: string[] = [];
    policies.onLate(({ name }) => late.push(name));
    expect(policies.upsert(policy(large(64)))).toBe('Later');
    expect(policies.upsert(policy(large(64)))).toBe('Later');
    expect([policies.size, policies.underWay]).toEqual([0, 1]);
    await turn();
    expect(late).toEqual([]);
    for (let i = 0; i < 20 && late.length === 0; i++) await turn();
    expect([late.length, policies.size, policies.underWay]).toEqual([1, 1, 0]);
    expect(policies.entries()[0]?.acceptance).toEqual({ ok: true });
  });

  test('leaves what was in force so until then', async () => {
    const policies = new PolicySet({ clock: ticking() });
    policies.upsert(policy(GOOD));
    const before = policies.entries()[0]?.program;
    await turn();
    expect(policies.upsert(policy(large(64), 2))).toBe('Later');
    expect(policies.entries()[0]?.program).toBe(before);
    while (policies.underWay > 0) await turn();
    expect(policies.entries()[0]?.generation).toBe(2);
  });

  test('keeps its turn among many, and is forgotten with its policy', async () => {
    const policies = new PolicySet({ clock: ticking() });
    const late: string[] = [];
    policies.onLate(({ name }) => late.push(name));
    for (const name of ['a', 'b', 'c', 'd'])
      policies.upsert(policy(large(name === 'a' ? 10 : 1), 1, { name, uid: name }));
    policies.remove('c');
    while (policies.underWay > 0) await turn();
    expect(late).toEqual(['a', 'b', 'd']);
    policies.upsert(policy(large(64), 1, { name: 'e', uid: 'e' }));
    policies.stop();
    await turn();
    expect(late).toHaveLength(3);
  });
});
