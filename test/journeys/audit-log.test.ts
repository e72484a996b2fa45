import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();
beforeEach(async () => stage().sweep());
let folder = '';
let file = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-'));
  file = join(folder, 'audit.log');
});
afterEach(() => rm(folder, { recursive: true }));

const Key = z.object({
  in: z.string(),
  key: z.string(),
  policy: z.string().optional(),
  generation: z.number().optional(),
  rule: z.string().optional(),
});
const Line = z.discriminatedUnion('event', [
  z.looseObject({
    event: z.literal('write'),
    outcome: z.string(),
    manager: z.string(),
    resource: z.string(),
    namespace: z.string().default(''),
    name: z.string(),
    from: z.string(),
    to: z.string().optional(),
    set: z.array(Key),
    removed: z.array(Key),
  }),
  z.looseObject({
    event: z.literal('verdict'),
    change: z.string(),
    policy: z.string(),
    rule: z.string(),
    code: z.string(),
    namespace: z.string().default(''),
    name: z.string(),
  }),
]);
type AuditLine = z.infer<typeof Line>;

async function lines(namespace: string, path = file): Promise<AuditLine[]> {
  const text = await readFile(path, 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => Line.parse(JSON.parse(line)))
    .filter((line) => line.namespace === namespace);
}

const at = (namespace: string, name: string) => `/api/v1/namespaces/${namespace}/configmaps/${name}`;

function policyOn(namespace: string, rules: readonly object[]) {
  return {
    mode: 'Enforce' as const,
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [namespace], names: ['cm-*'] },
    rules,
  };
}

test('every write on the server has exactly one line, with the versions before and after, and who wanted each key', async () => {
  const { admin, cluster } = stage();
  const ns = await admin.createNamespace('audited');
  await admin.createMany(Array.from({ length: 100 }, (_, i) => configMap(ns, `cm-${i}`)));
  const created = new Map<string, string>();
  for (const { metadata } of (await admin.list(`/api/v1/namespaces/${ns}/configmaps`)).items) {
    created.set(metadata.name, metadata.resourceVersion);
  }
  const operator = await stage().startOperator({ args: ['--audit-log', file] });
  const mark = await cluster.auditMark();
  const team = { name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } };
  const note = { name: 'note', default: { annotations: [{ key: 'acme.io/note', value: 'a-long-secret' }] } };
  await stage().applyPolicy('audited', policyOn(ns, [team, note]));
  await stage().waitForCount(`/api/v1/namespaces/${ns}/configmaps`, 'team=blue', 100);
  await expect.poll(async () => lines(ns)).toHaveLength(100);

  for (const line of await lines(ns)) {
    const { metadata } = await admin.get(at(ns, line.name));
    const by = { policy: 'audited', generation: 1 };
    expect(line).toMatchObject({
      event: 'write',
      outcome: 'Written',
      manager: 'watchkeeper',
      resource: 'configmaps',
      from: created.get(line.name),
      to: metadata.resourceVersion,
      set: [
        { in: 'labels', key: 'team', ...by, rule: 'team' },
        { in: 'annotations', key: 'acme.io/note', ...by, rule: 'note' },
      ],
      removed: [],
    });
  }

  await admin.patch(at(ns, 'cm-3'), { metadata: { labels: { team: 'red' } } });
  await stage().labels(at(ns, 'cm-3'), (labels) => labels['team'] === 'blue');
  await stage().applyPolicy('audited', policyOn(ns, [team]));
  await expect.poll(async () => lines(ns)).toHaveLength(201);
  const writes = await stage().writesSince(mark, ns);
  const told = await lines(ns);
  expect(told.map(({ name }) => name).toSorted()).toEqual(writes.map(({ name }) => name).toSorted());
  expect(told.slice(100).filter((line) => line.event === 'write' && line.set.length > 0)).toMatchObject([
    { name: 'cm-3', set: [{ key: 'team' }], removed: [] },
  ]);
  expect(told.at(-1)).toMatchObject({ set: [], removed: [{ in: 'annotations', key: 'acme.io/note' }] });
  // Each write begins where the one before it on the object ended.
  const versions = told.flatMap((line) =>
    line.event === 'write' && line.name === 'cm-9' ? [[line.from, line.to]] : [],
  );
  expect(versions).toHaveLength(2);
  expect(versions[1]?.[0]).toBe(versions[0]?.[1]);
  expect(await readFile(file, 'utf8')).not.toContain('a-long-secret');
  expect(await operator.metric('watchkeeper_audit_log_lines_total', 'result="Written"')).toBeGreaterThanOrEqual(201);
  expect(await operator.metric('watchkeeper_audit_log_lines_total', 'result="Dropped"')).toBe(0);
});

test('each result that comes or goes has a line; after SIGHUP lines go to a new file', async () => {
  const { admin } = stage();
  const ns = await admin.createNamespace('verdicts');
  await admin.create(configMap(ns, 'cm-1'));
  const operator = await stage().startOperator({ args: ['--audit-log', file] });
  await stage().applyPolicy('judging', {
    ...policyOn(ns, [{ name: 'team', require: { labels: [{ key: 'team' }] } }]),
    mode: 'Audit',
  });
  const said = async (path = file) =>
    (await lines(ns, path)).map((line) => (line.event === 'verdict' ? `${line.change} ${line.code} ${line.name}` : ''));
  await expect.poll(async () => said()).toEqual(['Appeared RequiredKeyMissing cm-1']);
  await rename(file, `${file}.1`);
  process.kill(operator.pid, 'SIGHUP');
  await expect.poll(async () => readFile(file, 'utf8').catch(() => undefined)).toBe('');
  await admin.patch(at(ns, 'cm-1'), { metadata: { labels: { team: 'a' } } });
  await expect.poll(async () => said()).toEqual(['Ended RequiredKeyMissing cm-1']);
  await admin.create(configMap(ns, 'cm-2'));
  await expect.poll(async () => said()).toHaveLength(2);
  await admin.delete(at(ns, 'cm-2'));
  await expect
    .poll(async () => said())
    .toEqual(['Ended RequiredKeyMissing cm-1', 'Appeared RequiredKeyMissing cm-2', 'Gone RequiredKeyMissing cm-2']);

  // It is the only policy on the kind, which goes with it.
  const judged = policyOn(ns, [{ name: 'team', require: { labels: [{ key: 'team' }] } }]);
  const since = async (start: number) => (await said()).slice(start).toSorted();
  await admin.createMany([configMap(ns, 'cm-3'), configMap(ns, 'cm-4')]);
  await expect.poll(async () => said()).toHaveLength(5);
  const services = { ...judged.match, resources: [{ group: '', resource: 'services' }] };
  await stage().applyPolicy('judging', { ...judged, mode: 'Audit', match: services });
  const over = ['Ended RequiredKeyMissing cm-3', 'Ended RequiredKeyMissing cm-4'];
  await expect.poll(async () => since(5)).toEqual(over);
  await stage().applyPolicy('judging', { ...judged, mode: 'Audit' });
  await expect.poll(async () => said()).toHaveLength(9);
  await stage().deletePolicy('judging');
  await expect.poll(async () => since(9)).toEqual(['Gone RequiredKeyMissing cm-3', 'Gone RequiredKeyMissing cm-4']);
  expect(await said(`${file}.1`)).toEqual(['Appeared RequiredKeyMissing cm-1']);
  expect(await operator.stop()).toBe(0);
});

test('a file that cannot be opened keeps the operator from starting, one that is full costs only its lines', async () => {
  const { admin } = stage();
  const missing = stage().launchOperator({ args: ['--audit-log', join(folder, 'none', 'audit.log')] });
  expect(await missing.exited).toBe(1);
  expect(missing.tail()).toContain('none/audit.log cannot be opened: ENOENT');

  const ns = await admin.createNamespace('full');
  await admin.createMany([configMap(ns, 'cm-1'), configMap(ns, 'cm-2')]);
  const operator = await stage().startOperator({ args: ['--audit-log', '/dev/full'] });
  const team = { name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } };
  await stage().applyPolicy('full', policyOn(ns, [team]));
  await stage().waitForCount(`/api/v1/namespaces/${ns}/configmaps`, 'team=blue', 2);
  await stage().policy('full', (policy) => is(policy, 'Ready') === 'True');
  await admin.create(configMap(ns, 'cm-3'));
  await stage().labels(at(ns, 'cm-3'), (labels) => labels['team'] === 'blue');
  await expect
    .poll(async () => operator.metric('watchkeeper_audit_log_lines_total', 'result="Dropped"'))
    .toBeGreaterThanOrEqual(3);
  expect(operator.lines.filter(({ msg }) => msg.includes('the audit log cannot be written'))).toHaveLength(1);
});

test('on standard output each line is whole, between those of the log', async () => {
  const { admin } = stage();
  const ns = await admin.createNamespace('stdout');
  await admin.createMany(Array.from({ length: 50 }, (_, i) => configMap(ns, `cm-${i}`)));
  const operator = await stage().startOperator({ args: ['--audit-log', '-'] });
  const team = { name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } };
  await stage().applyPolicy('stdout', policyOn(ns, [team]));
  await stage().waitForCount(`/api/v1/namespaces/${ns}/configmaps`, 'team=blue', 50);
  const names = () =>
    operator.noise.flatMap((line) => {
      const parsed = Line.parse(JSON.parse(line));
      return parsed.namespace === ns ? [parsed.name] : [];
    });
  await expect.poll(() => names().length).toBe(50);
  expect(new Set(names()).size).toBe(50);
});
