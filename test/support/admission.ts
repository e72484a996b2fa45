import type { Admin } from '../cluster/api.ts';
import { eventually } from '../cluster/eventually.ts';

const GROUP = 'admissionregistration.k8s.io';
const AT = `/apis/${GROUP}/v1`;

/** ConfigMaps of one namespace, as admission policies match them. */
const constraints = () => ({
  resourceRules: [
    { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] },
  ],
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
    { timeoutMs: 30_000 },
  );
}

export interface AdmissionRule {
  readonly namespace: string;
  /** Path of a ConfigMap that the policy concerns. */
  readonly concerns: string;
  /** Labels that the policy does not let through there. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A ValidatingAdmissionPolicy on the ConfigMaps of a namespace; resolves once it is heeded, to what takes it away. */
export async function refuseByPolicy(
  admin: Admin,
  { namespace, concerns, labels }: AdmissionRule,
  validation: { readonly expression: string; readonly message: string; readonly reason?: 'Forbidden' | 'Invalid' },
): Promise<() => Promise<void>> {
  const name = `refuse-${namespace}`;
  const kind = 'ValidatingAdmissionPolicy';
  const spec = { matchConstraints: constraints(), validations: [validation], failurePolicy: 'Fail' };
  await admin.create({ apiVersion: `${GROUP}/v1`, kind, metadata: { name }, spec });
  await admin.create(binding(kind, name, namespace, { validationActions: ['Deny'] }));
  await untilAnswered(admin, concerns, labels, (body) => body.includes(validation.message));
  return async () => {
    await admin.delete(`${AT}/validatingadmissionpolicybindings/${name}`);
    await admin.delete(`${AT}/validatingadmissionpolicies/${name}`);
    await untilAnswered(admin, concerns, labels, (body) => !body.includes(validation.message));
  };
}

/** A MutatingAdmissionPolicy that takes a label off the ConfigMaps of a namespace on each write. */
export async function stripByPolicy(
  admin: Admin,
  { namespace, concerns }: Pick<AdmissionRule, 'namespace' | 'concerns'>,
  label: string,
): Promise<() => Promise<void>> {
  const name = `strip-${namespace}`;
  const kind = 'MutatingAdmissionPolicy';
  const expression = `[JSONPatch{op: "remove", path: "/metadata/labels/${label}"}]`;
  const spec = {
    matchConstraints: constraints(),
    matchConditions: [
      { name: 'has-it', expression: `has(object.metadata.labels) && '${label}' in object.metadata.labels` },
    ],
    failurePolicy: 'Fail',
    reinvocationPolicy: 'Never',
    mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
  };
  await admin.create({ apiVersion: `${GROUP}/v1`, kind, metadata: { name }, spec });
  await admin.create(binding(kind, name, namespace, {}));
  const labels = { [label]: 'probe' };
  await untilAnswered(admin, concerns, labels, (body) => body.includes('"ConfigMap"') && !body.includes('"probe"'));
  return async () => {
    await admin.delete(`${AT}/mutatingadmissionpolicybindings/${name}`);
    await admin.delete(`${AT}/mutatingadmissionpolicies/${name}`);
    await untilAnswered(admin, concerns, labels, (body) => body.includes('"probe"'));
  };
}
