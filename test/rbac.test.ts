import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import * as z from 'zod';
import { type ControlPlane, startControlPlane } from './cluster/control-plane.ts';
import { at, parseManifest } from './cluster/kube-object.ts';
import { stopOperators } from './support/operator-process.ts';
import { type CommandEnd, runProduct } from './support/run-product.ts';
import { installCrd } from './support/simple-crd.ts';
import { configMap, is, type PolicySpec, type PolicyView, Stage } from './support/stage.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const folder = mkdtempSync(join(tmpdir(), 'watchkeeper-rbac-'));

const SETS = { set: { labels: [{ key: 'team', value: 'blue' }] } };
const POLICIES: Readonly<Record<string, PolicySpec>> = {
  writes: {
    mode: 'Enforce',
    match: {
      resources: [
        { group: '', resource: 'configmaps' },
        { group: 'rbac.example.com', resource: '*' },
      ],
      namespaces: ['rbac-*'],
    },
    rules: [{ name: 'r', ...SETS }],
  },
  audits: { match: { resources: [{ group: 'apps', resource: 'deployments' }] }, rules: [{ name: 'r', ...SETS }] },
  judges: {
    mode: 'Enforce',
    match: { resources: ['configmaps', 'secrets', 'nodes'].map((resource) => ({ group: '', resource })) },
    rules: [{ name: 'r', forbid: { labels: ['legacy/*'] } }],
  },
};

// A control plane of its own: the operator has no right on any kind here, but what the command prints.
let controlPlane: ControlPlane;
let stage: Stage;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  stage = await Stage.install(controlPlane);
  for (const kind of ['clusterrolebindings', 'clusterroles']) {
    await stage.admin.delete(`${RBAC}/${kind}/watchkeeper-targets`);
  }
  for (const plural of ['gadgets', 'widgets']) await installCrd(stage.admin, { group: 'rbac.example.com', plural });
  const documents = Object.entries(POLICIES).map(([name, spec]) => {
    return stringify({ apiVersion: 'watchkeeper.dev/v1alpha1', kind: 'WatchPolicy', metadata: { name }, spec });
  });
  writeFileSync(join(folder, 'policies.yaml'), documents.join('---\n'));
  for (const [name, spec] of Object.entries(POLICIES)) await stage.applyPolicy(name, spec);
});
// What one test gives, the next one must not have.
const given = new Set<string>();
afterEach(async () => {
  await stopOperators();
  for (const path of given) await stage.admin.delete(path);
  given.clear();
});
afterAll(async () => {
  await stopOperators();
  stage.admin.close();
  await controlPlane.stop();
  rmSync(folder, { recursive: true });
});

const Rules = z.array(
  z.object({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) }),
);

async function rbac(...args: readonly string[]): Promise<CommandEnd> {
  return runProduct(['rbac', '--kubeconfig', controlPlane.kubeconfig, ...args]);
}

/** The rules of the first role that was printed, one for each resource, as statuses name them. */
function rulesOf(text: string): string[] {
  const rules = Rules.parse(at(parseAllDocuments(text)[0]?.toJS(), 'rules'));
  return rules
    .flatMap(({ apiGroups, resources, verbs }) => resources.map((name) => ruleText(apiGroups[0] ?? '', name, verbs)))
    .toSorted();
}

function ruleText(group: string, resource: string, verbs: readonly string[]): string {
  return `apiGroups: ["${group}"], resources: ["${resource}"], verbs: [${verbs.map((verb) => `"${verb}"`).join(', ')}]`;
}

async function apply(text: string): Promise<void> {
  for (const document of parseAllDocuments(text)) {
    const manifest = parseManifest(document.toJS());
    await stage.admin.apply(manifest, { force: true });
    given.add(await stage.admin.pathOf(manifest));
  }
}

/** What the status of a policy asks for. */
function askedBy({ raw }: PolicyView): string[] {
  const resources = z.array(z.looseObject({ message: z.string() })).parse(at(raw, 'status', 'resources'));
  return resources.flatMap(({ message }) => /apiGroups: .*/.exec(message)?.[0] ?? []);
}

async function everyPolicy(wanted: (view: PolicyView) => boolean): Promise<PolicyView[]> {
  return Promise.all(Object.keys(POLICIES).map((name) => stage.policy(name, wanted)));
}

const forbidden = (view: PolicyView) => view.conditions['Watching']?.reason === 'Forbidden';
const ready = (view: PolicyView) => is(view, 'Ready') === 'True';

describe('watchkeeper rbac', () => {
  test('prints the very rules that statuses ask for; with them applied every policy is Ready', async () => {
    const ns = await stage.admin.createNamespace('rbac');
    await stage.admin.create(configMap(ns, 'one'));
    const printed = await rbac();
    expect(printed).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("1 policy is not in mode Enforce, such as 'audits'"),
    });
    const rules = rulesOf(printed.stdout);
    expect(rules).toEqual([
      'apiGroups: [""], resources: ["configmaps"], verbs: ["list", "watch", "patch"]',
      'apiGroups: [""], resources: ["nodes"], verbs: ["list", "watch"]',
      'apiGroups: [""], resources: ["secrets"], verbs: ["list", "watch"]',
      'apiGroups: ["apps"], resources: ["deployments"], verbs: ["list", "watch"]',
      'apiGroups: ["rbac.example.com"], resources: ["gadgets"], verbs: ["list", "watch", "patch"]',
      'apiGroups: ["rbac.example.com"], resources: ["widgets"], verbs: ["list", "watch", "patch"]',
    ]);

    await stage.startOperator();
    // Of a kind that several policies are about, each asks for what it needs itself; together that is what is printed.
    await expect
      .poll(async () => {
        const all = new Set((await everyPolicy(forbidden)).flatMap(askedBy));
        return rules.filter((rule) => !all.has(rule));
      })
      .toEqual([]);

    await apply(printed.stdout);
    await everyPolicy(ready);
    await stage.labels(`/api/v1/namespaces/${ns}/configmaps/one`, ({ team }) => team === 'blue');
    await stopOperators();

    // One rule less, and the status names it.
    const [role = ''] = printed.stdout.split('---\n');
    const document = z
      .looseObject({ rules: z.array(z.looseObject({ apiGroups: z.array(z.string()) })) })
      .parse(parse(role));
    const rest = document.rules.filter(({ apiGroups }) => apiGroups[0] !== 'rbac.example.com');
    await apply(stringify({ ...document, rules: rest }));
    await stage.startOperator();
    const missing = await stage.policy('writes', (view) => forbidden(view) && askedBy(view).length === 2);
    expect(askedBy(missing)).toEqual(rules.filter((rule) => rule.includes('rbac.example.com')));
    await stage.policy('audits', ready);
    await stage.policy('judges', ready);
    await apply(printed.stdout);
    await everyPolicy(ready);
  });

  test('prints the same for the same policies in files, as YAML and as JSON, and as if they were enforced', async () => {
    const file = join(folder, 'policies.yaml');
    const [cluster, yaml, json] = await Promise.all([rbac(), rbac(file), rbac(file, '--output', 'json')]);
    expect(rulesOf(yaml.stdout)).toEqual(rulesOf(cluster.stdout));
    expect(at(parse(json.stdout), 'items')).toEqual(
      parseAllDocuments(yaml.stdout).map((document) => document.toJS() as unknown),
    );
    const enforced = await rbac(file, '--enforced');
    expect(rulesOf(enforced.stdout)).toContain(
      'apiGroups: ["apps"], resources: ["deployments"], verbs: ["list", "watch", "patch"]',
    );
  });

  test('prints a Role in each namespace, which kubectl can apply, and what no Role can give', async () => {
    const { stdout } = await rbac(join(folder, 'policies.yaml'), '--namespaces', 'team-b,team-a');
    const documents = parseAllDocuments(stdout).map((document) => parseManifest(document.toJS()));
    expect(documents.map(({ kind, metadata }) => `${kind} ${metadata.namespace}`)).toEqual([
      'Role team-a',
      'RoleBinding team-a',
      'Role team-b',
      'RoleBinding team-b',
    ]);
    expect(rulesOf(stdout).join('\n')).not.toContain('nodes');
    expect(stdout).toContain(
      '# Left out: nodes is cluster-scoped, and the operator is limited to namespaces team-a and team-b.',
    );
    await Promise.all(
      ['team-a', 'team-b'].map((name) =>
        stage.admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
      ),
    );
    await apply(stdout);
  });

  test('of all kinds enumerates what the server has, but what no policy may be about and what must be named', async () => {
    const { stdout, code } = await rbac('--all');
    expect(code).toBe(0);
    const all = rulesOf(stdout);
    expect(all.length).toBeGreaterThan(25);
    for (const resource of ['configmaps', 'pods', 'namespaces', 'nodes']) {
      expect(all).toContain(`apiGroups: [""], resources: ["${resource}"], verbs: ["list", "watch", "patch"]`);
    }
    expect(all.join('\n')).toContain('"gadgets"');
    const powers =
      /\*|secrets|events|leases|endpoints|watchkeeper|rbac\.auth|admissionreg|apiext|apireg|certificates|\//;
    expect(all.filter((rule) => powers.test(rule))).toEqual([]);
    await apply(stdout);
  });

  test.each([
    [
      'a policy that is refused',
      'kind: WatchPolicy\napiVersion: watchkeeper.dev/v1alpha1\nmetadata: {name: a}\nspec: {colour: red}\n',
      "bad.yaml: 'a': spec.colour",
    ],
    ['no YAML', 'a: [', 'bad.yaml: '],
    ['no policy', 'kind: ConfigMap\n', 'There is no WatchPolicy in'],
  ])('prints nothing for %s, and says why', async (_what, source, message) => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, source);
    const end = await rbac(file);
    expect(end).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) });
  });

  test('says that the cluster cannot be reached', async () => {
    const file = join(folder, 'nobody.yaml');
    writeFileSync(file, 'apiVersion: v1\nkind: Config\nclusters: []\n');
    const end = await runProduct(['rbac', '--kubeconfig', file, '--all']);
    expect(end).toMatchObject({ code: 1, stdout: '' });
    expect(end.stderr.length).toBeGreaterThan(10);
  });
});
