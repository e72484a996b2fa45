import { expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, programOf } from '../../test/support/compiled-policy.ts';
import { NO_KEYS } from '../api/object.ts';
import type { EvaluationInput } from './evaluate.ts';
import { failedVerdicts } from './failed-evaluation.ts';
import { KeyPatterns } from './key-patterns.ts';

const RULES = { rules: [{ name: 'r', set: { labels: [{ key: 'env', value: 'prod' }] } }] };
const sets = programOf('sets', RULES);
const audits = programOf('audits', { ...RULES, mode: 'Audit' });
const suspended = programOf('suspended', { ...RULES, mode: 'Suspended' });
const elsewhere = programOf('elsewhere', {
  ...RULES,
  match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: ['other'] },
});
const object = cachedObject({ name: 'a', applied: { labels: ['env'], annotations: [] } });
const held = new Map([['audits', new KeyPatterns({ labels: ['env'], annotations: [] })]]);
const said = (fields: Partial<EvaluationInput> & Pick<EvaluationInput, 'programs'>) =>
  failedVerdicts(
    { object, kind: CONFIG_MAPS, held: new Map(), namespaceOf: (name) => cachedObject({ name }), ...fields },
    'Evaluate',
  ).map(({ matched, owned, results }) => [matched, owned, results.map(({ code }) => code)]);
const ERROR = ['InternalError'];

test.each<[string, Partial<EvaluationInput> & Pick<EvaluationInput, 'programs'>, readonly unknown[]]>([
  ['that is about it and may have set a key', { programs: [sets] }, [true, true, ERROR]],
  [
    'that is about it, with no key of ours',
    { programs: [sets], object: { ...object, applied: NO_KEYS } },
    [true, false, ERROR],
  ],
  [
    'that has a key retained',
    { programs: [sets], object: { ...object, applied: NO_KEYS, retained: object.applied } },
    [true, true, ERROR],
  ],
  ['in Audit, for which nothing is held', { programs: [audits] }, [true, false, ERROR]],
  ['in Audit, for which a key is held', { programs: [audits], held }, [true, true, ERROR]],
  ['that is suspended', { programs: [suspended] }, [false, false, []]],
  ['that is about others', { programs: [elsewhere] }, [false, false, []]],
  ['that does not see it yet', { programs: [sets], sightOf: () => 'Pending' }, [false, true, ERROR]],
  ['whose version is not served', { programs: [sets], sightOf: () => 'NotServed' }, [false, false, []]],
])('of a policy %s', (_, input, expected) => {
  expect(said(input)).toEqual([expected]);
});

test('of many policies, also where it fails to find those that may be about the object', () => {
  const programs = [...Array.from({ length: 40 }, (_, i) => ({ ...elsewhere, policy: `e${i}` })), sets];
  const expected = [...Array.from({ length: 40 }, () => [false, false, []]), [true, true, ERROR]];
  expect(said({ programs })).toEqual(expected);
  const broken = {
    ...object,
    get namespace(): string {
      throw new Error('a bug');
    },
  };
  // The last one asks nothing of the namespace.
  const expectedOfBroken = programs.map(({ policy }) => [policy === 'sets', ERROR]);
  expect(said({ programs, object: broken }).map(([matched, , codes]) => [matched, codes])).toEqual(expectedOfBroken);
});
