import type { Admin } from '../cluster/api.ts';
import { eventually } from '../cluster/eventually.ts';

const GROUP = 'admissionregistration.k8s.io';
const AT = `/apis/${GROUP}/v1`;

/** Objects of the core group, as admission policies match them. */
const constraints = (resource = 'configmaps') => ({
  resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], resources: [resource], operations: ['CREATE', 'UPDATE'] }],
});

function binding(kind: string, name: string, namespace: string, more: object) {
  const matchResources = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } };
  return {
    apiVersion: `${GROUP}/v1`,
    kind: `${kind}Binding`,
    metadata: { name },
    spec: { policyName: name, matchResources, ...more },
  };
}

/** What a dry run of a patch is answered with. Policies are heeded a moment after they were made. */
async function untilAnswered(
  admin: Admin,
  path: string,
  labels: object,
  wanted: (body: string) => boolean,
): Promise<void> {
  const headers = { 'content-type': 'application/merge-patch+json' };
  await eventually(
    'the admission policy',
    async () => (await admin.request('PATCH', `${path}?dryRun=All`, { metadata: { labels } }, headers)).body,
    wanted,
  );
}

export interface AdmissionRule {
  readonly namespace: string;
  /** Default `configmaps`. */
  readonly resource?: 'configmaps' | 'secrets';
  /** Path of an object that the policy concerns. */
  readonly concerns: string;
  /** Labels that the policy does not let through there. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface Validation {
  readonly expression: string;
  readonly message: string;
  /** In place of the message, which must be part of it. */
  readonly messageExpression?: string;
  readonly reason?: 'Forbidden' | 'Invalid';
}

/** A ValidatingAdmissionPolicy on the objects of a namespace; resolves once it is heeded, to what takes it away. */
export async function refuseByPolicy(
  admin: Admin,
  { namespace, resource, concerns, labels }: AdmissionRule,
  validation: Validation,
): Promise<() => Promise<void>> {
  const name = `refuse-${namespace}`;
  const kind = 'ValidatingAdmissionPolicy';
  const spec = { matchConstraints: constraints(resource), validations: [validation], failurePolicy: 'Fail' };
  await admin.create({ apiVersion: `${GROUP}/v1`, kind, metadata: { name }, spec });
  await admin.create(binding(kind, name, namespace, { validationActions: ['Deny'] }));
  await untilAnswered(admin, concerns, labels, (body) => body.includes(validation.message));
  return async () => {
    await admin.delete(`${AT}/validatingadmissionpolicybindings/${name}`);
    await admin.delete(`${AT}/validatingadmissionpolicies/${name}`);
    await untilAnswered(admin, concerns, labels, (body) => !body.includes(validation.message));
  };
}

interface Mutation {
  /** CEL that gives a JSON patch. */
  readonly expression: string;
  /** CEL: of which objects. */
  readonly when: string;
  /** Labels of the probe, and whether an answer to it shows the mutation. */
  readonly labels: Readonly<Record<string, string>>;
  readonly shows: (body: string) => boolean;
}

/** A MutatingAdmissionPolicy on the ConfigMaps of a namespace; resolves once it is heeded, to what takes it away. */
async function mutateByPolicy(
  admin: Admin,
  { namespace, concerns }: Pick<AdmissionRule, 'namespace' | 'concerns'>,
  { expression, when, labels, shows }: Mutation,
): Promise<() => Promise<void>> {
  const name = `mutate-${namespace}`;
  const kind = 'MutatingAdmissionPolicy';
  const spec = {
    matchConstraints: constraints(),
    matchConditions: [{ name: 'concerned', expression: when }],
    failurePolicy: 'Fail',
    reinvocationPolicy: 'Never',
    mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
  };
  await admin.create({ apiVersion: `${GROUP}/v1`, kind, metadata: { name }, spec });
  await admin.create(binding(kind, name, namespace, {}));
  await untilAnswered(admin, concerns, labels, (body) => body.includes('"ConfigMap"') && shows(body));
  return async () => {
    await admin.delete(`${AT}/mutatingadmissionpolicybindings/${name}`);
    await admin.delete(`${AT}/mutatingadmissionpolicies/${name}`);
    await untilAnswered(admin, concerns, labels, (body) => body.includes('"ConfigMap"') && !shows(body));
  };
}

/** Takes a label off the ConfigMaps of a namespace on each write. */
export async function stripByPolicy(
  admin: Admin,
  rule: Pick<AdmissionRule, 'namespace' | 'concerns'>,
  label: string,
): Promise<() => Promise<void>> {
  return mutateByPolicy(admin, rule, {
    expression: `[JSONPatch{op: "remove", path: "/metadata/labels/${label}"}]`,
    when: `has(object.metadata.labels) && '${label}' in object.metadata.labels`,
    labels: { [label]: 'probe' },
    shows: (body) => !body.includes('"probe"'),
  });
}

/** Counts the writes of a ConfigMap of this name in its data. */
export async function countByPolicy(
  admin: Admin,
  rule: Pick<AdmissionRule, 'namespace' | 'concerns'>,
  configMap: string,
): Promise<() => Promise<void>> {
  return mutateByPolicy(admin, rule, {
    expression: `[JSONPatch{op: "add", path: "/data/writes", value: object.metadata.resourceVersion}]`,
    when: `object.metadata.name == '${configMap}'`,
    labels: { probe: 'probe' },
    shows: (body) => body.includes('"writes"'),
  });
}
