import { describe, expect, test } from 'vitest';
import { configMap, is, useStage } from '../support/stage.ts';

declare global {
  interface JSON {
    /** Written as it is: for numbers that a number cannot hold. */
    rawJSON(text: string): unknown;
  }
}

const stage = useStage();

const DEPLOYMENTS = { group: 'apps', resource: 'deployments', version: 'v1' };
const CRON_JOBS = { group: 'batch', resource: 'cronjobs', version: 'v1' };

function podSpec(image: string, memory?: string, restartPolicy = 'Always') {
  const resources = memory === undefined ? {} : { limits: { memory } };
  return { restartPolicy, containers: [{ name: 'main', image, resources }] };
}

function deployment(namespace: string, name: string, spec: object, labels: Readonly<Record<string, string>> = {}) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name, labels },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec },
    },
  };
}

function cronJob(namespace: string, name: string, spec: object) {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { namespace, name },
    spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template: { spec } } } },
  };
}

const at = (namespace: string, name: string) => `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;

function policyOn(namespace: string, resources: readonly object[], rules: readonly object[], fields: object = {}) {
  return { mode: 'Enforce' as const, match: { resources, namespaces: [namespace] }, rules, ...fields };
}

const counted = (count: unknown) => ({ spec: { readings: [{ at: '2026-01-01T00:00:00Z', count }] } });

const reads = (jsonSchema: object) => ({ jsonSchema: { jsonPath: '$.spec', ...jsonSchema } });

/** `KIND/NAME RULE: message` of each result, once the policy has so many. */
async function results(policy: string, total: number): Promise<readonly string[]> {
  const view = await stage().policy(
    policy,
    ({ conditions, violationsTotal }) =>
      ['True', 'False'].includes(conditions['Compliant']?.status ?? '') && violationsTotal === total,
  );
  expect(is(view, 'Ready')).toBe('True');
  return view.violations.map(
    ({ kind, name, rule, result, message }) => `${result} ${kind}/${name} ${rule}: ${message}`,
  );
}

describe('rules that judge', () => {
  test('PodTemplate: what is wrong with the pods of Deployments and CronJobs is said, and goes when it is put right', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('pods');
    await admin.create(deployment(ns, 'good', podSpec('registry.acme.io/web:1', '512Mi')));
    await admin.create(deployment(ns, 'bad', podSpec('docker.io/web:1', '2Gi')));
    await admin.create(cronJob(ns, 'night', podSpec('docker.io/job:1', undefined, 'OnFailure')));
    await stage().startOperator();
    const mark = await cluster.auditMark();
    const memory = '$.spec.containers[*].resources.limits.memory';
    const rules = [
      {
        name: 'image',
        check: { jsonPath: '$.spec.containers[*].image', operator: 'Matches', values: ['^registry\\.acme\\.io/'] },
      },
      { name: 'limit', check: { jsonPath: memory, operator: 'Exists' } },
      { name: 'size', severity: 'low', check: { jsonPath: memory, operator: 'LessThan', values: ['1Gi'] } },
    ];
    await stage().applyPolicy(
      'pods',
      policyOn(
        ns,
        [DEPLOYMENTS, CRON_JOBS],
        rules.map((rule) => ({ ...rule, subject: 'PodTemplate' })),
      ),
    );
    expect(await results('pods', 4)).toEqual([
      "Violation Deployment/bad image: $.spec.containers[0].image must match '^registry\\.acme\\.io/'",
      "Violation CronJob/night image: $.spec.containers[0].image must match '^registry\\.acme\\.io/'",
      'Violation CronJob/night limit: $.spec.containers[0].resources.limits.memory must be there',
      "Violation Deployment/bad size: $.spec.containers[0].resources.limits.memory must be less than '1Gi'",
    ]);

    await admin.patch(at(ns, 'bad'), { spec: { template: { spec: podSpec('registry.acme.io/web:2', '1023.9Mi') } } });
    await admin.patch(`/apis/batch/v1/namespaces/${ns}/cronjobs/night`, {
      spec: { jobTemplate: { spec: { template: { spec: podSpec('registry.acme.io/job:1', '1000M', 'OnFailure') } } } },
    });
    expect(await results('pods', 0)).toEqual([]);
    await admin.patch(at(ns, 'good'), { spec: { template: { spec: podSpec('registry.acme.io/web:1', '1024Mi') } } });
    expect(await results('pods', 1)).toEqual([expect.stringContaining('Deployment/good size')]);
    // Who judges writes nothing.
    expect(await stage().writesSince(mark, ns)).toEqual([]);
  });

  test('forbid and check see what this pass writes; values of annotations and data are never shown', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('forbid');
    const notes = { annotations: { 'legacy/token': 'hunter2', fine: 'x' } };
    await admin.create({
      ...configMap(ns, 'one'),
      metadata: { namespace: ns, name: 'one', labels: { 'legacy/a': '1' }, ...notes },
    });
    await admin.create(configMap(ns, 'two', { tier: 'gold' }, { a: 'hunter2' }));
    await stage().startOperator();
    const maps = { group: '', resource: 'configmaps', version: 'v1' };
    await stage().applyPolicy(
      'writes',
      policyOn(ns, [maps], [{ name: 'w', default: { labels: [{ key: 'tier', value: 'base' }] } }]),
    );
    await stage().applyPolicy('judges', {
      ...policyOn(
        ns,
        [maps],
        [
          { name: 'legacy', forbid: { labels: ['legacy/*'], annotations: ['legacy/*'] } },
          { name: 'tier', check: { jsonPath: '$.metadata.labels.tier', operator: 'In', values: ['base', 'silver'] } },
          {
            name: 'data',
            message: 'Put secrets into a Secret.',
            check: { jsonPath: '$.data.*', quantifier: 'None', operator: 'Matches', values: ['^hunter'] },
          },
          { name: 'number', check: { jsonPath: '$.data.a', operator: 'LessThan', values: ['5'] } },
        ],
      ),
      severity: 'high',
    });
    const found = await results('judges', 5);
    expect(found).toEqual([
      "Violation ConfigMap/one legacy: must not have the label 'legacy/a', nor the annotation 'legacy/token'",
      'Error ConfigMap/one number: $.data.a cannot be compared: it is no number and no quantity',
      'Violation ConfigMap/two data: Put secrets into a Secret.',
      'Error ConfigMap/two number: $.data.a cannot be compared: it is no number and no quantity',
      "Violation ConfigMap/two tier: $.metadata.labels.tier must be one of 'base' or 'silver'",
    ]);
    const { raw } = await stage().policy('judges', () => true);
    expect(JSON.stringify(raw['status'])).not.toContain('hunter2');

    await admin.patch(`/api/v1/namespaces/${ns}/configmaps/one`, {
      metadata: { labels: { 'legacy/a': null }, annotations: { 'legacy/token': null } },
      data: { a: '4.9' },
    });
    await admin.patch(`/api/v1/namespaces/${ns}/configmaps/two`, {
      metadata: { labels: { tier: 'silver' } },
      data: { a: '-1e3' },
    });
    expect(await results('judges', 0)).toEqual([]);
  });

  test('jsonSchema: objects of a kind that nobody knew, their integers exact', async () => {
    const { admin } = stage();
    const ns = await admin.createNamespace('schema');
    const group = `judging-${ns}.example.com`;
    await admin.apply({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `meters.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural: 'meters', singular: 'meter', kind: 'Meter', listKind: 'MeterList' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    });
    await admin.waitForCrd(`meters.${group}`);
    await stage().grant(group, ['meters']);
    const meter = (name: string, spec: object) => ({
      apiVersion: `${group}/v1`,
      kind: 'Meter',
      metadata: { namespace: ns, name },
      spec,
    });
    const right = { unit: 'kWh', readings: [{ at: '2026-01-01T00:00:00Z', count: 1 }] };
    await admin.apply(meter('right', right));
    await admin.apply(meter('wrong', { readings: [{ at: 'noon', count: 1 }, { at: '2026-01-01T00:00:00Z' }] }));
    await stage().startOperator();
    await stage().applyPolicy(
      'meters',
      policyOn(
        ns,
        [{ group, resource: 'meters', version: 'v1' }],
        [
          {
            name: 'shape',
            jsonSchema: {
              jsonPath: '$',
              schema: {
                required: ['spec'],
                properties: {
                  metadata: { properties: { name: { maxLength: 8 } } },
                  spec: { type: 'object', required: ['unit'] },
                },
              },
            },
          },
          {
            name: 'reading',
            jsonSchema: {
              jsonPath: '$.spec.readings[*]',
              schema: {
                type: 'object',
                properties: { at: { type: 'string', format: 'date-time' }, count: { type: 'integer', minimum: 0 } },
                required: ['at', 'count'],
              },
            },
          },
          {
            name: 'exact',
            check: { jsonPath: '$.spec.readings[*].count', operator: 'LessThan', values: ['9007199254740993'] },
          },
        ],
      ),
    );
    expect(await results('meters', 2)).toEqual([
      "Violation Meter/wrong reading: $.spec.readings[0].at must be of the format 'date-time'; 1 more problem",
      "Violation Meter/wrong shape: $.spec must have 'unit'",
    ]);
    await admin.apply(meter('wrong', right), { force: true });
    expect(await results('meters', 0)).toEqual([]);
    const path = `/apis/${group}/v1/namespaces/${ns}/meters/right`;
    await admin.patch(path, counted(JSON.rawJSON('9007199254740993')));
    expect(await results('meters', 1)).toEqual([
      "Violation Meter/right exact: $.spec.readings[0].count must be less than '9007199254740993'",
    ]);
    await admin.patch(path, counted(9_007_199_254_740_992));
    expect(await results('meters', 0)).toEqual([]);
  });

  test('a policy that cannot be judged by is refused with the path of the field', async () => {
    await stage().startOperator();
    const cases: readonly (readonly [object, string])[] = [
      [
        { subject: 'PodTemplate', require: { labels: [{ key: 'a' }] } },
        "spec.rules[0].subject: must be Object where the policy names kinds that make no pods, found 'services' at spec.match.resources[0]",
      ],
      [
        { check: { jsonPath: '$.spec.a[?(@.b)]', operator: 'Exists' } },
        'spec.rules[0].check.jsonPath: must not hold filters or scripts',
      ],
      [
        { check: { jsonPath: '$.spec.a', operator: 'LessThan', values: ['much'] } },
        "spec.rules[0].check.values[0]: must be a number or a quantity such as '1.5', '500m' or '1Gi', found 'much'",
      ],
      [
        reads({ schema: { properties: { ports: { minItem: 2 } } } }),
        "spec.rules[0].jsonSchema.schema.properties.ports.minItem: is not a keyword of JSON Schema that is supported; did you mean 'minItems'?",
      ],
      [
        reads({ schema: { $ref: 'https://acme.io/schema.json' } }),
        "spec.rules[0].jsonSchema.schema[$ref]: must be '#/$defs/NAME'",
      ],
      [
        reads({ jsonPath: '$', schema: { additionalProperties: false } }),
        "spec.rules[0].jsonSchema.schema: must not ask about all fields of the object, as 'additionalProperties' does",
      ],
    ];
    for (const [i, [rule, expected]] of cases.entries()) {
      const resources = [{ group: '', resource: 'services', version: 'v1' }];
      await stage().applyPolicy(`refused-${i}`, policyOn('nowhere', resources, [{ name: 'r', ...rule }]));
      const { conditions } = await stage().policy(`refused-${i}`, (policy) => is(policy, 'Accepted') === 'False');
      expect(conditions['Accepted']).toEqual({
        status: 'False',
        reason: 'InvalidSpec',
        message: expect.stringContaining(expected),
      });
    }
  });
});
