import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, enforcing, NODES, programOf } from '../../test/support/compiled-policy.ts';
import { silentLog } from '../base/log.ts';
import { HeldKeys, recordsToHold } from './held-keys.ts';
import { Ledger } from './ledger.ts';
import { PolicySet } from './policy-set.ts';

const keysOf = (policy: string, ...namespaces: readonly string[]) => {
  const { uid, writes, reach } = programOf(policy, {
    match: {
      resources: [{ group: '', resource: 'configmaps' }],
      namespaces: namespaces.length > 0 ? namespaces : ['*'],
    },
    rules: [{ name: 'r', set: { labels: [{ key: policy, value: 'v' }] } }],
  });
  return { uid, keys: writes, reach };
};

describe('what is held on an object', () => {
  const held = new HeldKeys(
    new Map([
      ['everywhere', keysOf('everywhere')],
      ['team', keysOf('team', 'team-*')],
    ]),
  );
  const on = (namespace: string, kind = CONFIG_MAPS) => [
    ...held.on(kind, cachedObject({ name: 'a', namespace })).keys(),
  ];

  test('are the keys of policies within whose reach it is', () => {
    expect(on('team-a')).toEqual(['everywhere', 'team']);
    expect(on('shop')).toEqual(['everywhere']);
    expect(held.on(CONFIG_MAPS, cachedObject({ name: 'a' })).get('everywhere')?.labels).toEqual(['everywhere']);
  });

  test('is nothing on another kind, and nothing where no policy is held', () => {
    expect(on('', NODES)).toEqual([]);
    expect(new HeldKeys(new Map()).on(CONFIG_MAPS, cachedObject({ name: 'a' })).size).toBe(0);
  });
});

describe('which policies are held', () => {
  const SET = { name: 'r', set: { labels: [{ key: 'env', value: 'prod' }] } };

  /** `specs`: of policy p, one after the other, in one process. */
  function afterwards(specs: readonly Record<string, unknown>[], { refused = false, uid = 'uid-p' } = {}) {
    const ledger = new Ledger({ read: async () => undefined, write: async () => {} }, silentLog, () => {});
    ledger.enforce(programOf('p', { rules: [SET] }));
    ledger.enforce(programOf('gone', { rules: [SET] }));
    const policies = new PolicySet();
    for (const [i, spec] of specs.entries()) {
      policies.upsert(cachedObject({ name: 'p', namespace: '', uid, generation: i + 1, body: { spec } }));
    }
    const held = recordsToHold(ledger, policies.entries(), () => refused);
    return { held: [...held.keys()], recorded: [...ledger.policies.keys()] };
  }

  test.each([
    ['in Audit', { mode: 'Audit' }],
    ['Suspended', { mode: 'Suspended' }],
    ['not accepted, with nothing in force', { mode: 'Never' }],
  ])('one that is %s', (_, fields) => {
    expect(afterwards([{ ...enforcing({ rules: [SET] }), ...fields }])).toEqual({ held: ['p'], recorded: ['p'] });
  });

  test('one that cannot be carried out beside the others', () => {
    expect(afterwards([enforcing({ rules: [SET] })], { refused: true }).held).toEqual(['p']);
  });

  test('not one that is enforced, nor one whose last accepted generation is', () => {
    expect(afterwards([enforcing({ rules: [SET] })]).held).toEqual([]);
    expect(afterwards([enforcing({ rules: [SET] }), { mode: 'Never' }]).held).toEqual([]);
  });

  test('not one that is gone, nor another of its name', () => {
    expect(afterwards([])).toEqual({ held: [], recorded: [] });
    expect(afterwards([enforcing({ mode: 'Audit', rules: [SET] })], { uid: 'uid-2' }).held).toEqual([]);
  });
});
