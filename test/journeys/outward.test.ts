import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { at } from '../cluster/kube-object.ts';
import { outwardConnections } from '../support/open-connections.ts';
import { configMap, is, type PolicySpec, useStage } from '../support/stage.ts';

const stage = useStage();
const hook = join(import.meta.dirname, '..', 'support', 'outward-hook.ts');

/** Nobody listens there: whoever goes there is written down and fails. */
const ELSEWHERE = 'http://127.0.0.1:9/elsewhere';

const ENVIRONMENT = {
  WATCHKEEPER_TEST_OUTWARD: '',
  HTTPS_PROXY: ELSEWHERE,
  https_proxy: ELSEWHERE,
  HTTP_PROXY: ELSEWHERE,
  ALL_PROXY: ELSEWHERE,
};
const before = new Map<string, string | undefined>();
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watchkeeper-outward-'));
  for (const [name, value] of Object.entries({ ...ENVIRONMENT, WATCHKEEPER_TEST_OUTWARD: join(folder, 'log') })) {
    before.set(name, process.env[name]);
    process.env[name] = value;
  }
});
afterEach(() => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  rmSync(folder, { recursive: true });
});

const set = (key: string, source: object) => ({ set: { labels: [{ key, ...source }] } });

/** As much as policies can do, with addresses wherever they can name one. */
function policies(namespaces: readonly string[]): Readonly<Record<string, PolicySpec>> {
  const match = { resources: [{ group: '', resource: 'configmaps', version: 'v1' }], namespaces };
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: { data: { $ref: '#/$defs/data' } },
  };
  return {
    'outward-writes': {
      mode: 'Enforce',
      match,
      rules: [
        { name: 'env', ...set('env', { valueFrom: { namespaceLabel: 'env' }, fallback: 'none' }) },
        { name: 'site', set: { annotations: [{ key: 'acme.io/site', valueFrom: { jsonPath: '$.data.site' } }] } },
        { name: 'copies', copy: { from: 'Namespace', labels: ['acme.io/*'] } },
      ],
    },
    'outward-judges': {
      match,
      rules: [
        {
          name: 'schema',
          message: ELSEWHERE,
          jsonSchema: {
            jsonPath: '$',
            schema: { ...schema, $defs: { data: { type: 'object', maxProperties: 0, description: ELSEWHERE } } },
          },
        },
        {
          name: 'check',
          check: { jsonPath: '$.data.site', operator: 'NotIn', values: [ELSEWHERE] },
        },
        { name: 'team', require: { labels: [{ key: 'team', pattern: '^https?://' }] } },
      ],
    },
    'outward-globs': {
      match: { resources: [{ group: '*', resource: '*' }], namespaces },
      rules: [{ name: 'legacy', forbid: { labels: ['legacy/*'] } }],
    },
    'outward-refused': {
      match,
      rules: [{ name: 'remote', jsonSchema: { jsonPath: '$', schema: { $ref: `${ELSEWHERE}/schema.json` } } }],
    },
  };
}

test('G12: through a whole story the operator turns to nobody but the API server', async () => {
  const { admin, cluster } = stage();
  const ns = await admin.createNamespace('outward', { env: 'prod', 'acme.io/unit': 'shop' });
  const annotations = { 'acme.io/callback': ELSEWHERE };
  const site = { ...configMap(ns, 'site'), data: { site: ELSEWHERE } };
  await admin.create({ ...site, metadata: { ...site.metadata, annotations } });
  const operator = await stage().startOperator({ nodeFlags: ['--import', hook] });
  for (const [name, spec] of Object.entries(policies([ns]))) await stage().applyPolicy(name, spec);

  const path = `/api/v1/namespaces/${ns}/configmaps/site`;
  const labelled = await admin.waitFor(path, ({ metadata }) => metadata.labels['acme.io/unit'] === 'shop');
  expect(labelled.metadata.labels['env']).toBe('prod');
  expect(labelled.metadata.annotations['acme.io/site']).toBe(ELSEWHERE);
  await stage().policy('outward-judges', (policy) => policy.violationsTotal === 3);
  await stage().policy('outward-refused', (policy) => is(policy, 'Accepted') === 'False');
  await stage().policy('outward-globs', (policy) => is(policy, 'Accepted') === 'True');
  await admin.waitForList('/apis/events.k8s.io/v1/events', ({ items }) =>
    items.some((event) => at(event, 'regarding', 'name') === 'outward-refused'),
  );
  expect((await operator.page('/metrics')).status).toBe(200);

  const url = new URL(cluster.url);
  const server = `${url.hostname}:${url.port}`;
  expect(outwardConnections(operator.pid).filter((to) => to !== server)).toEqual([]);
  await stage().deletePolicy('outward-writes');
  await admin.waitFor(path, ({ metadata }) => metadata.labels['env'] === undefined);
  expect(await operator.stop()).toBe(0);
  const told = new Set(readFileSync(join(folder, 'log'), 'utf8').trim().split('\n'));
  expect([...told].toSorted()).toEqual([`address ${url.hostname}`, `connect ${server}`, 'listening'].toSorted());
});
