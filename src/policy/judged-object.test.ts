import { describe, expect, test } from 'vitest';
import { owning, programOf, reports } from '../../test/support/compiled-policy.ts';
import type { CachedObject } from '../api/object.ts';
import { compilePolicy } from './compile.ts';
import type { KindContext } from './program.ts';

const kind = (group: string, resource: string, name: string): KindContext => ({
  group,
  resource,
  version: 'v1',
  kind: name,
  scope: 'Namespaced',
});
const PODS = kind('', 'pods', 'Pod');
const DEPLOYMENTS = kind('apps', 'deployments', 'Deployment');
const CRON_JOBS = kind('batch', 'cronjobs', 'CronJob');
const SERVICES = kind('', 'services', 'Service');

const everywhere = {
  resources: [PODS, DEPLOYMENTS, CRON_JOBS].map(({ group, resource }) => ({ group, resource, version: 'v1' })),
};
const writer = (name: string, fields: object = {}) =>
  programOf(name, { rules: [{ name: 'w', set: { labels: [{ key: 'team', value: 'core' }] } }], ...fields });
const judge = (rule: object) => programOf('judge', { rules: [{ name: 'r', ...rule }] });

describe('rules that judge see what this pass writes', () => {
  const equal = { jsonPath: '$.metadata.labels.team', operator: 'Equal', values: ['core'] };
  const exists = { jsonPath: '$.metadata.labels.team', operator: 'Exists' };

  test.each<[string, object, Partial<CachedObject>, readonly string[]]>([
    ['by a path to one label', { check: equal }, { labels: { team: 'x' } }, []],
    ['a label that was not there', { check: exists }, {}, []],
    ['by a path to all labels', { check: { ...equal, jsonPath: '$.metadata.labels.*' } }, {}, []],
    [
      'a key that is forbidden and written',
      { forbid: { labels: ['te*'] } },
      {},
      ["Violation ForbiddenKey r: must not have the label 'team'"],
    ],
  ])('%s', (_, rule, fields, expected) => {
    expect(reports(fields, [judge(rule), writer('writer')])[0]).toEqual(expected);
  });

  test('a label that this pass removes is gone, and what Audit would write is not there', () => {
    const ours = { labels: { team: 'old' }, applied: owning('team') };
    const missing = ['Violation CheckFailed r: $.metadata.labels.team must be there'];
    expect(reports(ours, [judge({ check: exists })])[0]).toEqual(missing);
    expect(reports({}, [judge({ check: exists }), writer('writer', { mode: 'Audit' })])[0]).toEqual(missing);
  });

  test('where nothing may be written they see the live object', () => {
    const deleting = { deleting: true, labels: { team: 'x' } };
    expect(reports(deleting, [judge({ check: equal }), writer('writer')])[0]).toEqual([
      "Violation CheckFailed r: $.metadata.labels.team must be 'core'",
    ]);
  });
});

describe('the message of a rule', () => {
  const check = { jsonPath: '$.metadata.labels.team', operator: 'LessThan', values: ['3'] };
  const program = judge({ check, message: 'Keep it small.' });

  test('stands for the words of a violation', () => {
    expect(reports({ labels: { team: '4' } }, [program])[0]).toEqual(['Violation CheckFailed r: Keep it small.']);
  });

  test('does not stand for those of an error', () => {
    expect(reports({ labels: { team: 'x' } }, [program])[0]).toEqual([
      'Error NotComparable r: $.metadata.labels.team cannot be compared: it is no number and no quantity',
    ]);
  });
});

describe('forbid', () => {
  const rule = judge({ forbid: { labels: ['legacy/*', 'tmp-**'], annotations: ['**'] } });

  test('names the keys of one object in one result, and never the value of an annotation', () => {
    const labels = { 'legacy/b': '1', 'legacy/a': '1', 'legacy/d': '1', 'legacy/c': '1', 'new/a': '1', 'tmp-a/b': '1' };
    expect(reports({ labels, annotations: { note: 'hunter2' } }, [rule])[0]).toEqual([
      "Violation ForbiddenKey r: must not have the labels 'legacy/a', 'legacy/b', 'legacy/c' and 2 more, nor the annotation 'note'",
    ]);
  });

  test('a star does not cross the slash, and nothing forbidden is right', () => {
    expect(reports({ labels: { legacy: '1', 'x.legacy/a': '1' } }, [rule])[0]).toEqual([]);
    expect(reports({ labels: { 'a/b': '1' } }, [judge({ forbid: { labels: ['*'] } })])[0]).toEqual([]);
  });
});

const about = (rule: object, match: object = everywhere) =>
  programOf('judge', { match, rules: [{ name: 'r', subject: 'PodTemplate', ...rule }] });

describe('PodTemplate', () => {
  const podSpec = { containers: [{ image: 'x:1' }] };
  const template = { metadata: { labels: { team: 'core', odd: 3 } }, spec: podSpec };
  const images = { jsonPath: '$.spec.containers[*].image', operator: 'Matches', values: ['^registry/'] };
  const wrong = "Violation CheckFailed r: $.spec.containers[0].image must match '^registry/'";

  test.each<[string, KindContext, unknown]>([
    ['a Pod', PODS, podSpec],
    ['a Deployment', DEPLOYMENTS, { template }],
    ['a CronJob', CRON_JOBS, { jobTemplate: { spec: { template } } }],
  ])('is the pod of %s', (_, on, spec) => {
    expect(reports({ body: { spec } }, [about({ check: images })], { kind: on })[0]).toEqual([wrong]);
  });

  test.each([
    ['', 'replicationcontrollers'],
    ['apps', 'statefulsets'],
    ['apps', 'daemonsets'],
    ['apps', 'replicasets'],
    ['batch', 'jobs'],
  ])('is the template of %s %s', (group, resource) => {
    const match = { resources: [{ group, resource, version: 'v1' }] };
    const where = { kind: kind(group, resource, 'K') };
    expect(reports({ body: { spec: { template } } }, [about({ check: images }, match)], where)[0]).toEqual([wrong]);
  });

  test('has labels and annotations of its own', () => {
    const required = about({ require: { labels: [{ key: 'team', values: ['core'] }, { key: 'odd' }] } });
    const on = { kind: DEPLOYMENTS };
    const body = { spec: { template } };
    expect(reports({ labels: { odd: 'x' }, body }, [required], on)[0]).toEqual([
      "Violation RequiredKeyMissing r: label 'odd' is missing",
    ]);
    expect(reports({ labels: { team: 'x' }, body }, [about({ forbid: { labels: ['team'] } })], on)[0]).toEqual([
      "Violation ForbiddenKey r: must not have the label 'team'",
    ]);
    const path = about({ check: { jsonPath: '$.metadata.labels.team', operator: 'Equal', values: ['x'] } });
    expect(reports({ body }, [path], on)[0]).toEqual(["Violation CheckFailed r: $.metadata.labels.team must be 'x'"]);
  });

  test('of a Pod sees what this pass writes', () => {
    const required = about({ require: { labels: [{ key: 'team', values: ['core'] }] } });
    const others = writer('writer', { match: everywhere });
    expect(reports({ body: { spec: podSpec } }, [required, others], { kind: PODS })[0]).toEqual([]);
  });

  test('where there is none, there is nothing to judge', () => {
    for (const spec of [undefined, null, 'x', {}, { template: null }]) {
      expect(reports({ body: { spec } }, [about({ check: images })], { kind: DEPLOYMENTS })[0]).toEqual([]);
    }
  });

  test('on a kind without pods that is named exactly is refused, with its place', () => {
    const resources = [DEPLOYMENTS, SERVICES].map(({ group, resource }) => ({ group, resource, version: 'v1' }));
    const spec = { match: { resources }, rules: [{ name: 'r', subject: 'PodTemplate', check: images }] };
    expect(compilePolicy({ name: 'p', uid: 'u', generation: 1, spec })).toEqual({
      ok: false,
      reason: 'InvalidSpec',
      issues: [
        {
          path: 'spec.rules[0].subject',
          message: expect.stringMatching(
            /^must be Object where .* found 'services' at spec\.match\.resources\[1\]; those that do are pods, .* and cronjobs\.batch$/,
          ),
        },
      ],
    });
  });

  test('under a glob is not about kinds without pods', () => {
    const program = about({ check: images }, { resources: [{ group: '', resource: '*', version: 'v1' }] });
    expect(reports({ body: { spec: podSpec } }, [program], { kind: SERVICES })[0]).toEqual([]);
    expect(reports({ body: { spec: podSpec } }, [program], { kind: PODS })[0]).toEqual([wrong]);
  });

  test('reads the spec, whatever the rule asks for', () => {
    const { reads } = about({ require: { labels: [{ key: 'team' }] } });
    expect(reads.fields).toEqual(['spec']);
  });
});

test('a check says what it reads', () => {
  const reading = ['$.status.phase', '$.metadata.labels.a'].map(
    (jsonPath) => judge({ check: { jsonPath, operator: 'Exists' } }).reads.fields,
  );
  expect(reading).toEqual([['status'], []]);
});
