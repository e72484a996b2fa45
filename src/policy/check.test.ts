import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS } from '../../test/support/compiled-policy.ts';
import type { Check } from '../api/judge-actions.ts';
import { type CompiledCheck, compileCheck } from './check.ts';
import { JudgedObject } from './judged-object.ts';
import { Work } from './work.ts';

type Fields = Partial<Check> & Pick<Check, 'operator'>;

function compiled(check: Fields, subject: 'Object' | 'PodTemplate' = 'Object'): CompiledCheck {
  return compileCheck({ jsonPath: '$.spec.v', quantifier: 'All', ...check }, subject);
}

/** `CODE: message` of what is wrong with an object of this spec. */
function faults(check: Fields, spec: unknown): readonly string[] {
  const result = compiled(check);
  if (!result.ok) throw new Error(result.problem);
  const view = new JudgedObject(cachedObject({ name: 'x', body: { spec } }), CONFIG_MAPS, undefined);
  return result.demand(view, new Work()).map(({ code, message }) => `${code}: ${message}`);
}

const problem = (check: Fields, subject?: 'PodTemplate') => {
  const result = compiled(check, subject);
  return result.ok ? 'accepted' : `${result.path}: ${result.problem}`;
};

const shown = ([{ operator, values }, value]: readonly [Fields, unknown, unknown]) =>
  `${operator} ${values?.join(' ') ?? ''} of ${typeof value === 'bigint' ? value : JSON.stringify(value)}`;

const images = '$.spec.containers[*].image';
const containers = (...each: readonly unknown[]) => ({ containers: each.map((image) => ({ image })) });

describe('one value', () => {
  const cases: readonly [Fields, unknown, string | undefined][] = [
    [{ operator: 'Exists' }, 0, undefined],
    [{ operator: 'Exists' }, '', undefined],
    [{ operator: 'Exists' }, {}, undefined],
    [{ operator: 'Exists' }, undefined, 'must be there'],
    [{ operator: 'Exists' }, null, 'must be there'],
    [{ operator: 'DoesNotExist' }, undefined, undefined],
    [{ operator: 'DoesNotExist' }, null, undefined],
    [{ operator: 'DoesNotExist' }, false, 'must not be there'],
    [{ operator: 'Equal', values: ['a'] }, 'a', undefined],
    [{ operator: 'Equal', values: ['a'] }, 'A', "must be 'a'"],
    [{ operator: 'Equal', values: [''] }, '', undefined],
    [{ operator: 'Equal', values: ['1000m'] }, 1, undefined],
    [{ operator: 'Equal', values: ['1'] }, '1000m', undefined],
    [{ operator: 'Equal', values: ['1'] }, true, "must be '1'"],
    [{ operator: 'Equal', values: ['true'] }, true, undefined],
    [{ operator: 'Equal', values: ['0.5'] }, 0.5, undefined],
    [{ operator: 'Equal', values: ['1e21'] }, 1e21, undefined],
    [{ operator: 'Equal', values: ['9007199254740993'] }, 9_007_199_254_740_993n, undefined],
    [{ operator: 'Equal', values: ['9007199254740992'] }, 9_007_199_254_740_993n, "must be '9007199254740992'"],
    [{ operator: 'Equal', values: ['a'] }, undefined, undefined],
    [{ operator: 'In', values: ['a', '2Gi'] }, '2048Mi', undefined],
    [{ operator: 'In', values: ['a', 'b'] }, 'c', "must be one of 'a' or 'b'"],
    [{ operator: 'NotIn', values: ['a', 'b'] }, 'c', undefined],
    [{ operator: 'NotIn', values: ['a', 'b'] }, undefined, undefined],
    [{ operator: 'NotIn', values: ['a', 'b'] }, 'b', "must not be one of 'a' or 'b'"],
    [{ operator: 'NotIn', values: ['1'] }, '1000m', "must not be '1'"],
    [{ operator: 'LessThan', values: ['1'] }, '999m', undefined],
    [{ operator: 'LessThan', values: ['1'] }, 1, "must be less than '1'"],
    [{ operator: 'LessThan', values: ['0'] }, -1.5, undefined],
    [{ operator: 'LessThan', values: ['9007199254740993'] }, 9_007_199_254_740_992n, undefined],
    [
      { operator: 'LessThan', values: ['9007199254740993'] },
      9_007_199_254_740_993n,
      "must be less than '9007199254740993'",
    ],
    [{ operator: 'GreaterThan', values: ['1G'] }, '1Gi', undefined],
    [{ operator: 'GreaterThan', values: ['1Gi'] }, '1G', "must be greater than '1Gi'"],
    [{ operator: 'GreaterThan', values: ['1'] }, undefined, undefined],
    [{ operator: 'Matches', values: ['^a', '^b'] }, 'bc', undefined],
    [{ operator: 'Matches', values: ['^a', '^b'] }, 'c', "must match '^a' or '^b'"],
    [{ operator: 'Matches', values: ['^3$'] }, 3, undefined],
  ];
  test.each(cases.map((each) => [shown(each), ...each] as const))('%s', (_, check, v, expected) => {
    expect(faults(check, { v })).toEqual(expected === undefined ? [] : [`CheckFailed: $.spec.v ${expected}`]);
  });

  test.each<[Fields, unknown, string]>([
    [{ operator: 'Equal', values: ['a'] }, [], 'it is a list or an object, not a single value'],
    [{ operator: 'NotIn', values: ['a'] }, {}, 'it is a list or an object, not a single value'],
    [{ operator: 'Matches', values: ['a'] }, ['a'], 'it is a list or an object, not a single value'],
    [{ operator: 'LessThan', values: ['1'] }, 'much', 'it is no number and no quantity'],
    [{ operator: 'GreaterThan', values: ['1'] }, true, 'it is no number and no quantity'],
    [{ operator: 'GreaterThan', values: ['1'] }, [2], 'it is no number and no quantity'],
  ])('%j cannot compare %j', (check, v, why) => {
    expect(faults(check, { v })).toEqual([`NotComparable: $.spec.v cannot be compared: ${why}`]);
  });

  test('that is nowhere at all is missing too', () => {
    expect(faults({ operator: 'Exists' }, undefined)).toEqual(['CheckFailed: $.spec.v must be there']);
    expect(faults({ operator: 'Exists', jsonPath: '$.spec.a.b[2].c' }, { a: 1 })).toEqual([
      'CheckFailed: $.spec.a.b[2].c must be there',
    ]);
  });
});

describe('many values', () => {
  const matches = { jsonPath: images, operator: 'Matches', values: ['^r/'] } as const;
  const less = { jsonPath: images, operator: 'LessThan', values: ['5'] } as const;

  test.each<[string, Fields, unknown, readonly string[]]>([
    ['All: all pass', matches, containers('r/a', 'r/b'), []],
    [
      'All: one does not',
      matches,
      containers('r/a', 'x', 'r/b'),
      ["CheckFailed: $.spec.containers[1].image must match '^r/'; 1 of 3 is wrong"],
    ],
    ['All over nothing holds', matches, containers(), []],
    ['All looks only at what is there', matches, containers('r/a', undefined, null), []],
    ['All: one that fails decides', less, containers('x', 7), [expect.stringMatching(/^CheckFailed.*\[1\]/)]],
    ['All: else one that is unclear', less, containers(1, 'x'), [expect.stringMatching(/^NotComparable.*\[1\]/)]],
    ['Any: one passes', { ...matches, quantifier: 'Any' }, containers('x', 'r/a'), []],
    [
      'Any: none passes',
      { ...matches, quantifier: 'Any' },
      containers('x', 'y'),
      ["CheckFailed: at least one value at $.spec.containers[*].image must match '^r/'; all 2 are wrong"],
    ],
    [
      'Any: the only one does not',
      { ...matches, quantifier: 'Any' },
      containers('x', undefined),
      ["CheckFailed: $.spec.containers[0].image must match '^r/'"],
    ],
    [
      'Any over nothing is a violation',
      { ...matches, quantifier: 'Any' },
      containers(undefined),
      ["CheckFailed: a value at $.spec.containers[*].image must match '^r/'; there is none"],
    ],
    ['Any: one that passes decides', { ...less, quantifier: 'Any' }, containers('x', 1), []],
    [
      'Any: else one that is unclear',
      { ...less, quantifier: 'Any' },
      containers(7, 'x'),
      [expect.stringMatching(/^NotComparable.*\[1\]/)],
    ],
    ['None: none passes', { ...matches, quantifier: 'None' }, containers('x', 'y'), []],
    ['None over nothing holds', { ...matches, quantifier: 'None' }, containers(), []],
    [
      'None: one passes',
      { ...matches, quantifier: 'None' },
      containers('x', 'r/a', 'r/b'),
      ["CheckFailed: $.spec.containers[1].image must not match '^r/'; 2 of 3 are wrong"],
    ],
    [
      'None: one that passes decides',
      { ...less, quantifier: 'None' },
      containers('x', 1),
      [expect.stringMatching(/^CheckF/)],
    ],
    [
      'None: else one that is unclear',
      { ...less, quantifier: 'None' },
      containers(7, 'x'),
      [expect.stringMatching(/^NotComparable/)],
    ],
  ])('%s', (_, check, spec, expected) => {
    expect(faults(check, spec)).toEqual(expected);
  });

  test('Exists asks in each place, and there is none without an element', () => {
    const exists = { jsonPath: images, operator: 'Exists' } as const;
    expect(faults(exists, containers('a', 'b'))).toEqual([]);
    expect(faults(exists, containers('a', undefined, null))).toEqual([
      'CheckFailed: $.spec.containers[1].image must be there; 2 of 3 are wrong',
    ]);
    expect(faults(exists, containers())).toEqual([]);
    expect(faults({ ...exists, quantifier: 'Any' }, containers(undefined, 'a'))).toEqual([]);
    expect(faults({ ...exists, quantifier: 'Any' }, {})).toEqual([
      'CheckFailed: a value at $.spec.containers[*].image must be there; there is none',
    ]);
    const replicas = { jsonPath: '$.spec.replicas', operator: 'Exists', quantifier: 'Any' } as const;
    expect(faults(replicas, {})).toEqual(['CheckFailed: $.spec.replicas must be there']);
    expect(faults({ ...exists, quantifier: 'None' }, containers(undefined, 'a'))).toEqual([
      'CheckFailed: $.spec.containers[1].image must not be there; 1 of 2 is wrong',
    ]);
  });

  test('an element is there, whatever it is', () => {
    const none = { jsonPath: '$.spec.volumes[*].hostPath', operator: 'DoesNotExist' } as const;
    expect(faults(none, { volumes: [{ emptyDir: {} }, { hostPath: {} }] })).toEqual([
      'CheckFailed: $.spec.volumes[1].hostPath must not be there; 1 of 2 is wrong',
    ]);
    expect(faults({ jsonPath: '$.spec.volumes[*]', operator: 'DoesNotExist' }, { volumes: [{}] })).toEqual([
      'CheckFailed: $.spec.volumes[0] must not be there',
    ]);
  });

  test('places below .. are where the first name is found', () => {
    const check = { jsonPath: '$.spec..limits.memory', operator: 'Exists' } as const;
    const spec = { a: { limits: { memory: '1Gi' } }, b: [{ limits: { cpu: '1' } }] };
    expect(faults(check, spec)).toEqual(['CheckFailed: $.spec.b[0].limits.memory must be there; 1 of 2 is wrong']);
    expect(faults(check, {})).toEqual([]);
  });

  test('names with other characters are written as they are in a path', () => {
    const check = { jsonPath: '$.spec.*.x', operator: 'Equal', values: ['1'] } as const;
    expect(faults(check, { 'a/b~c.d': { x: 2 } })).toEqual(["CheckFailed: $.spec[a/b~c.d].x must be '1'"]);
  });

  test('a path that looks at too much is an Error, not a violation', () => {
    const check = { jsonPath: '$.spec[*]', operator: 'Equal', values: ['1'] } as const;
    expect(
      faults(
        check,
        Array.from({ length: 20_001 }, () => '1'),
      ),
    ).toEqual(['SourceTooLarge: the path would have to look at more than 20000 values']);
  });
});

test('no message shows a value of the object', () => {
  const value = fc.oneof(
    fc.constantFrom('hunter2', 'hunter2000m'),
    fc.constantFrom<unknown>(['hunter2'], { hunter2: 'hunter2' }),
  );
  const check = fc.constantFrom<Fields>(
    { operator: 'Equal', values: ['x'] },
    { operator: 'In', values: ['x', '3'] },
    { operator: 'NotIn', values: ['x'], quantifier: 'None' },
    { operator: 'LessThan', values: ['3'] },
    { operator: 'GreaterThan', values: ['3'], quantifier: 'Any' },
    { operator: 'Matches', values: ['^x'] },
    { operator: 'Matches', values: ['.'], quantifier: 'None' },
    { operator: 'DoesNotExist' },
  );
  fc.assert(
    fc.property(check, fc.array(value, { minLength: 1 }), (each, values) => {
      const found = faults({ ...each, jsonPath: images }, containers(...values));
      expect(found).toHaveLength(1);
      expect(found[0]).not.toContain('hunter2');
    }),
  );
});

const holds = (check: Fields, spec: unknown) => faults(check, spec).length === 0;

test('the quantifiers are each other, turned around', () => {
  const value = fc.constantFrom('r/a', 'x', undefined, null, 3);
  fc.assert(
    fc.property(fc.array(value), (values) => {
      const spec = containers(...values);
      const base = { jsonPath: images, values: ['r/a', '3'] };
      const allIn = holds({ ...base, operator: 'In' }, spec);
      expect(holds({ ...base, operator: 'NotIn', quantifier: 'None' }, spec)).toBe(allIn);
      expect(holds({ ...base, operator: 'NotIn', quantifier: 'Any' }, spec)).toBe(!allIn);
    }),
  );
});

describe('what cannot be checked is refused with its field', () => {
  test.each<[string, Fields, string]>([
    [
      'a limit that is no quantity',
      { operator: 'LessThan', values: ['1 GB'] },
      'values[0]: must be a number or a quantity',
    ],
    [
      'a pattern that is none',
      { operator: 'Matches', values: ['a', '('] },
      'values[1]: must be an RE2 regular expression',
    ],
    [
      'a filter',
      { operator: 'Exists', jsonPath: '$.spec.a[?(@.b)]' },
      'jsonPath: must not hold filters or scripts, found one at',
    ],
    ['a filter: what to do', { operator: 'Exists', jsonPath: '$.spec[(@.length-1)]' }, 'use a CEL expression'],
    [
      'other metadata',
      { operator: 'Exists', jsonPath: '$.metadata.finalizers' },
      "jsonPath: must name one of these fields of 'metadata'",
    ],
    [
      'the whole object',
      { operator: 'Exists', jsonPath: '$' },
      "jsonPath: must begin with '$' and the name of a top-level field",
    ],
    ['that elements exist', { operator: 'Exists', jsonPath: '$.spec.a[*]' }, 'quantifier: must be another one'],
    ['that elements exist, below ..', { operator: 'Exists', jsonPath: '$.spec..a' }, 'quantifier: must be another one'],
    [
      'that some element does not exist',
      { operator: 'DoesNotExist', quantifier: 'Any', jsonPath: '$.spec.a[*]' },
      'quantifier: must be another one',
    ],
  ])('%s', (_, check, expected) => {
    expect(problem(check)).toContain(expected);
  });

  test('paths that no pod template has', () => {
    for (const path of ['$.spec.nodeName', "$.metadata.labels['a/b']", '$.metadata.annotations.a']) {
      expect(problem({ operator: 'Exists', jsonPath: path }, 'PodTemplate')).toBe('accepted');
    }
    for (const path of ['$.metadata.name', '$.status.phase', '$.kind']) {
      expect(problem({ operator: 'Exists', jsonPath: path }, 'PodTemplate')).toContain(
        'jsonPath: must begin with $.spec, $.metadata.labels or $.metadata.annotations',
      );
    }
  });
});
