import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import * as z from 'zod';
import manifest from '../package.json' with { type: 'json' };
import { parsePolicySpec, policyNameProblem } from '../src/api/parse-policy.ts';
import { compilePolicy } from '../src/policy/compile.ts';
import { composeInstallManifest } from './install-manifest.ts';

const project = dirname(import.meta.dirname);
const read = (...path: readonly string[]) => readFileSync(join(project, ...path), 'utf8');

const documentSchema = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) }),
});
const refSchema = z.looseObject({ roleRef: z.looseObject({ name: z.string() }) });
const roleSchema = z.object({
  rules: z.array(
    z.object({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) }),
  ),
});

function documents(text: string) {
  return parseAllDocuments(text).map((document) => documentSchema.parse(document.toJS()));
}

test('deploy/install.yaml is what its parts and the CRDs make', () => {
  expect(read('deploy', 'install.yaml')).toBe(composeInstallManifest(project));
});

test('the namespace comes first, the CRD before rights, the operator last', () => {
  const kinds = documents(composeInstallManifest(project)).map(({ kind }) => kind);
  expect(kinds.slice(0, 3)).toEqual(['Namespace', 'CustomResourceDefinition', 'ServiceAccount']);
  expect(kinds.slice(-2)).toEqual(['Deployment', 'PodDisruptionBudget']);
});

test('a part without a place in the order is refused', () => {
  const copy = mkdtempSync(join(tmpdir(), 'install-manifest-'));
  try {
    for (const folder of ['deploy', 'crds']) cpSync(join(project, folder), join(copy, folder), { recursive: true });
    writeFileSync(join(copy, 'deploy', 'parts', 'extra.yaml'), 'kind: Secret');
    expect(() => composeInstallManifest(copy)).toThrow(
      'deploy/parts holds extra.yaml, which has no place in the order',
    );
  } finally {
    rmSync(copy, { recursive: true });
  }
});

test('version labels and the image follow package.json', () => {
  const text = ['rbac.yaml', 'roles.yaml', 'network.yaml', 'deployment.yaml', 'guard.yaml', 'authors.yaml']
    .map((file) => read('deploy', 'parts', file))
    .join('');
  const versions = [...text.matchAll(/app\.kubernetes\.io\/version: (.*)/g)].map(([, version]) => version);
  expect(new Set(versions)).toEqual(new Set([manifest.version]));
  expect(text).toContain(`image: watchkeeper:${manifest.version}\n`);
  expect(read('deploy', 'kustomization.yaml')).toContain(`newTag: ${manifest.version}\n`);
});

test('kubectl can keep each document in an annotation, which holds 256 KiB', () => {
  for (const document of documents(composeInstallManifest(project))) {
    expect(JSON.stringify(document).length, document.metadata.name).toBeLessThan(256 * 1024);
  }
});

test.each(['install.yaml', 'targets.yaml'])(
  'no role of the operator in %s grants a wildcard, a secret or a power over roles',
  (file) => {
    const all = documents(read('deploy', file));
    const bound = new Set(all.flatMap((document) => refSchema.safeParse(document).data?.roleRef.name ?? []));
    const roles = all.filter(({ kind, metadata }) => /^(?:Cluster)?Role$/.test(kind) && bound.has(metadata.name));
    expect(roles).not.toEqual([]);
    for (const role of roles) {
      for (const { apiGroups, resources, verbs } of roleSchema.parse(role).rules) {
        expect([...apiGroups, ...resources, ...verbs]).not.toContain('*');
        expect(resources).not.toContain('secrets');
        expect(apiGroups).not.toContain('rbac.authorization.k8s.io');
        for (const verb of ['delete', 'deletecollection', 'escalate', 'bind', 'impersonate'])
          expect(verbs).not.toContain(verb);
      }
    }
  },
);

test('roles are bound as they are and never aggregated, so that nobody widens them with a label', () => {
  for (const file of ['install.yaml', 'targets.yaml']) expect(read('deploy', file)).not.toMatch(/aggregationRule/);
});

const networkSchema = z.looseObject({
  spec: z.strictObject({
    podSelector: z.strictObject({ matchLabels: z.record(z.string(), z.string()) }),
    policyTypes: z.array(z.string()),
    ingress: z.array(z.unknown()),
    egress: z.array(
      z.strictObject({ ports: z.array(z.strictObject({ protocol: z.literal('TCP'), port: z.number() })).min(1) }),
    ),
  }),
});
const workloadSchema = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        hostNetwork: z.literal(false).default(false),
        containers: z.array(z.looseObject({ ports: z.array(z.looseObject({ name: z.string() })) })),
      }),
    }),
  }),
});

test("G12: the network lets the operator's pod out to ports of API servers alone, and others in to its metrics alone", () => {
  const all = documents(read('deploy', 'install.yaml'));
  const { spec: policy } = networkSchema.parse(all.find(({ kind }) => kind === 'NetworkPolicy'));
  const { metadata, spec } = workloadSchema.parse(all.find(({ kind }) => kind === 'Deployment')).spec.template;
  expect(metadata.labels).toMatchObject(policy.podSelector.matchLabels);
  expect(policy.policyTypes).toEqual(['Ingress', 'Egress']);
  expect(policy.ingress).toEqual([{ ports: [{ protocol: 'TCP', port: 'http' }] }]);
  expect(spec.containers.map(({ ports }) => ports.map(({ name }) => name))).toEqual([['http']]);
  expect(policy.egress.flatMap(({ ports }) => ports.map(({ port }) => port))).toEqual([443, 6443, 8443, 16_443]);
});

test("G19: of Kubernetes' own roles only admin takes in one of ours", () => {
  const labelled = documents(read('deploy', 'install.yaml')).flatMap(({ metadata: { name, labels } }) =>
    Object.keys(labels)
      .filter((key) => key.includes('aggregate-to'))
      .map((key) => `${name} ${key}`),
  );
  expect(labelled).toEqual(['watchkeeper-policy-editor rbac.authorization.k8s.io/aggregate-to-admin']);
});

const policies = readdirSync(join(project, 'config', 'policies'));

test('there are ten ready policies', () => {
  expect(policies).toHaveLength(10);
});

test.each(policies)('%s is a valid policy in mode Audit that says what it is for', (file) => {
  const policy = documentSchema.extend({ spec: z.unknown() }).parse(parse(read('config', 'policies', file)));
  expect(`${policy.metadata.name}.yaml`).toBe(file);
  expect(policyNameProblem(policy.metadata.name)).toBeUndefined();
  const parsed = parsePolicySpec(policy.spec);
  expect(parsed).toMatchObject({ ok: true, spec: { mode: 'Audit', description: expect.stringMatching(/\.$/) } });
  expect(compilePolicy({ name: policy.metadata.name, uid: 'u', generation: 1, spec: policy.spec })).toMatchObject({
    ok: true,
  });
});
