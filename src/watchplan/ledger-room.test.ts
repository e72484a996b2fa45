import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { programOf } from '../../test/support/compiled-policy.ts';
import type { FieldIssue } from '../api/field-issue.ts';
import { allSteps } from '../base/steps.ts';
import type { Program } from '../policy/program.ts';
import { LEDGER_ROOM, type PolicyRecord, recordBytes, withoutRoom } from './ledger-room.ts';

const RESOURCES = [{ group: '', resource: 'configmaps' }];

/** Sets keys that take some so many kB. */
function large(name: string, kilobytes: number, fields: object = {}): Program {
  const rules = Array.from({ length: Math.ceil(kilobytes / 16) }, (_, rule) => ({
    name: `r${rule}`,
    set: {
      annotations: Array.from({ length: 64 }, (_unused, i) => ({
        key: `${'d'.repeat(60)}.${'d'.repeat(60)}.${'d'.repeat(60)}.example/${name}-${rule}-${i}-${'k'.repeat(40)}`,
        value: 'v',
      })),
    },
  }));
  return programOf(name, { match: { resources: RESOURCES }, rules, mode: 'Enforce', ...fields });
}

const recordOf = ({ uid, writes, reach, removal }: Program): PolicyRecord => ({ uid, keys: writes, reach, removal });
const without = (programs: readonly Program[], onRecord: readonly Program[] = []): ReadonlyMap<string, FieldIssue> =>
  allSteps(withoutRoom(programs, new Map(onRecord.map((one) => [one.policy, recordOf(one)]))));

describe('room on record', () => {
  test('is there for thousands of ordinary policies', () => {
    const programs = Array.from({ length: 2_000 }, (_, i) =>
      programOf(`p${i}`, {
        match: { resources: RESOURCES, namespaces: [`team-${i}-*`] },
        rules: [{ name: 'r', set: { labels: [{ key: 'acme.io/cost-center', value: 'x' }] } }],
        mode: 'Enforce',
      }),
    );
    expect(without(programs)).toEqual(new Map());
  });

  test('goes to the smallest first: a few large policies keep no other out', () => {
    const small = large('small', 16);
    const refused = without([large('a', 300), large('b', 320), large('c', 340), small]);
    expect([...refused.keys()]).toEqual(['c']);
    expect(refused.get('c')).toEqual({
      path: 'spec.rules',
      message: expect.stringMatching(
        /^must name fewer keys, or shorter ones: .* takes \d{6} bytes; beside other policies \d+ of 800000 are left$/,
      ),
    });
  });

  test('stays with who has it, also while that policy does not enforce', () => {
    const [a, b, c] = [large('a', 300), large('b', 320), large('c', 340)];
    expect([...without([a, b, c], [b, c]).keys()]).toEqual(['a']);
    expect([...without([a, b, large('c', 340, { mode: 'Suspended' })], [c]).keys()]).toEqual(['b']);
    expect([...without([a, b], [c]).keys()]).toEqual(['b']);
  });

  test('is not asked of policies that set nothing', () => {
    const audit = { mode: 'Audit' };
    expect(without([large('a', 500, audit), large('b', 500, audit), large('c', 16)])).toEqual(new Map());
  });

  test('is counted as what the ledger writes, and not less', () => {
    const text = fc.oneof(
      fc.stringMatching(/^[a-z0-9.*/-]{0,40}$/),
      fc.string({ unit: 'binary', minLength: 60, maxLength: 253 }),
    );
    const texts = fc.array(text, { maxLength: 5 });
    fc.assert(
      fc.property(text, texts, texts, texts, texts, (policy, labels, annotations, resources, names) => {
        const reach = { resources, names, namespaces: undefined };
        const json = JSON.stringify({ name: policy, labels, annotations, ...reach });
        expect(recordBytes(policy, { labels, annotations }, reach)).toBeGreaterThanOrEqual(Buffer.byteLength(json));
      }),
    );
    expect(LEDGER_ROOM).toBeLessThan(2 ** 20);
  });
});
