import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, enforcing, NODES, programOf } from '../../test/support/compiled-policy.ts';
import { quietLedger } from '../../test/support/quiet-ledger.ts';
import type { Program } from '../policy/program.ts';
import type { PolicyRecord } from '../watchplan/ledger-room.ts';
import { HeldKeys, recordsToKeep } from './held-keys.ts';
import { type PolicyEntry, PolicySet } from './policy-set.ts';

const keysOf = (policy: string, ...namespaces: readonly string[]): PolicyRecord => {
  const { uid, writes, reach, removal } = programOf(policy, {
    match: {
      resources: [{ group: '', resource: 'configmaps' }],
      namespaces: namespaces.length > 0 ? namespaces : ['*'],
    },
    rules: [{ name: 'r', set: { labels: [{ key: policy, value: 'v' }] } }],
  });
  return { uid, keys: writes, reach, removal };
};

describe('what is held on an object', () => {
  const held = new HeldKeys({
    held: new Map([
      ['everywhere', keysOf('everywhere')],
      ['team', keysOf('team', 'team-*')],
    ]),
    handedOver: [keysOf('team', 'team-*')],
  });
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
    const nothing = new HeldKeys({ held: new Map(), handedOver: [] });
    expect(nothing.on(CONFIG_MAPS, cachedObject({ name: 'a' })).size).toBe(0);
    expect(nothing.handedOver(CONFIG_MAPS, cachedObject({ name: 'a' }))).toEqual([]);
  });

  test('is handed over within the reach of the policy whose keys are', () => {
    const inTeam = held.handedOver(CONFIG_MAPS, cachedObject({ name: 'a', namespace: 'team-a' }));
    expect(inTeam.map(({ labels }) => labels)).toEqual([['team']]);
    expect(held.handedOver(CONFIG_MAPS, cachedObject({ name: 'a', namespace: 'shop' }))).toEqual([]);
  });
});

describe('which policies are held', () => {
  const SET = { name: 'r', set: { labels: [{ key: 'env', value: 'prod' }] } };

  /** `specs`: of policy p, one after the other, in one process. */
  function afterwards(specs: readonly Record<string, unknown>[], { refused = false, uid = 'uid-p' } = {}) {
    const ledger = quietLedger();
    ledger.enforce(programOf('p', { rules: [SET] }));
    ledger.enforce(programOf('gone', { rules: [SET] }));
    const policies = new PolicySet();
    for (const [i, spec] of specs.entries()) {
      policies.upsert(cachedObject({ name: 'p', namespace: '', uid, generation: i + 1, body: { spec } }));
    }
    const { held, handedOver } = recordsToKeep(ledger, policies.entries(), () => refused);
    return { held: [...held.keys()], recorded: [...ledger.policies.keys()], handedOver: handedOver.length };
  }

  test.each([
    ['in Audit', { mode: 'Audit' }],
    ['Suspended', { mode: 'Suspended' }],
    ['not accepted, with nothing in force', { mode: 'Never' }],
  ])('one that is %s', (_, fields) => {
    expect(afterwards([{ ...enforcing({ rules: [SET] }), ...fields }])).toMatchObject({ held: ['p'], recorded: ['p'] });
  });

  test('one that cannot be carried out beside the others', () => {
    expect(afterwards([enforcing({ rules: [SET] })], { refused: true }).held).toEqual(['p']);
  });

  test('not one that is enforced, nor one whose last accepted generation is', () => {
    expect(afterwards([enforcing({ rules: [SET] })]).held).toEqual([]);
    expect(afterwards([enforcing({ rules: [SET] }), { mode: 'Never' }]).held).toEqual([]);
  });

  test('not one that is gone, nor another of its name', () => {
    expect(afterwards([])).toEqual({ held: [], recorded: [], handedOver: 0 });
    const again = afterwards([enforcing({ mode: 'Audit', rules: [SET] })], { uid: 'uid-2' });
    expect(again).toEqual({ held: [], recorded: [], handedOver: 0 });
  });
});

const program = (fields: object = {}) =>
  programOf('p', { rules: [{ name: 'r', set: { labels: [{ key: 'env', value: 'prod' }] } }], ...fields });
const RETAIN = { removalPolicy: 'Retain' };

/** What is kept once these were planned with, one after the other. */
function after(...programs: readonly (Program | 'settled' | 'gone')[]) {
  const ledger = quietLedger();
  let kept = recordsToKeep(ledger, [], () => false);
  for (const [i, next] of programs.entries()) {
    if (next === 'settled') for (const policy of ledger.narrowed.keys()) ledger.settled(policy);
    const last = next === 'settled' ? programs[i - 1] : next;
    const entries =
      last === 'gone' || last === 'settled' || last === undefined
        ? []
        : [{ name: 'p', uid: last.uid, program: last } as PolicyEntry];
    kept = recordsToKeep(ledger, entries, () => false);
  }
  return { handedOver: kept.handedOver.length, held: kept.held.size, recorded: ledger.policies.size };
}

describe('what a policy has set before it said Retain', () => {
  test('is handed over until that is done, also when it is suspended, edited or gone by then', () => {
    const before = program();
    const retain = program(RETAIN);
    expect(after(before)).toEqual({ handedOver: 0, held: 0, recorded: 1 });
    expect(after(before, retain)).toEqual({ handedOver: 1, held: 0, recorded: 1 });
    expect(after(before, retain, 'settled')).toEqual({ handedOver: 0, held: 0, recorded: 1 });
    expect(after(before, retain, 'gone')).toEqual({ handedOver: 1, held: 0, recorded: 1 });
    expect(after(before, retain, 'gone', 'settled')).toEqual({ handedOver: 0, held: 0, recorded: 0 });
    const suspended = program({ ...RETAIN, mode: 'Suspended' });
    expect(after(before, suspended)).toEqual({ handedOver: 0, held: 1, recorded: 1 });
    expect(after(before, suspended, 'gone')).toEqual({ handedOver: 1, held: 0, recorded: 1 });
  });

  test('is handed over also beside another policy of its name, which has a record of its own', () => {
    const again = { ...program(RETAIN), uid: 'uid-2' };
    const suspended = program({ ...RETAIN, mode: 'Suspended' });
    for (const retain of [program(RETAIN), suspended]) {
      expect(after(program(), retain, again)).toEqual({ handedOver: 1, held: 0, recorded: 2 });
      expect(after(program(), retain, 'gone', again)).toEqual({ handedOver: 1, held: 0, recorded: 2 });
      expect(after(program(), retain, again, 'settled')).toEqual({ handedOver: 0, held: 0, recorded: 1 });
    }
  });

  test('is not, where it said so from the beginning or does not any more', () => {
    expect(after(program(RETAIN), 'gone')).toEqual({ handedOver: 0, held: 0, recorded: 0 });
    expect(after(program(), program(RETAIN), program(), 'gone')).toEqual({ handedOver: 0, held: 0, recorded: 0 });
  });
});
