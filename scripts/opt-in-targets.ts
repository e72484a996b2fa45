import { rightsOf } from '../src/cli/policy-rights.ts';
import { roleManifests, yamlText } from '../src/cli/role-manifests.ts';

/**
 * What the opt-in files grant: the kinds of the ready policies in config/policies and what people label beside them, as long
 * as whoever may patch them gains no right over the cluster by it. So there are no Secrets, no Namespaces, and nothing that
 * decides who may do what.
 */
const TARGETS = [
  { group: '', resource: 'configmaps' },
  { group: '', resource: 'persistentvolumeclaims' },
  { group: '', resource: 'services' },
  { group: 'apps', resource: 'daemonsets' },
  { group: 'apps', resource: 'deployments' },
  { group: 'apps', resource: 'statefulsets' },
  { group: 'batch', resource: 'cronjobs' },
  { group: 'batch', resource: 'jobs' },
  { group: 'networking.k8s.io', resource: 'ingresses' },
];

const CLUSTER_HEAD = `Rights on the kinds that your policies name. Better than this file is what your own policies need, and nothing beside:

  watchkeeper rbac my-policies/ | kubectl apply -f -

This file grants the common kinds. Apply it as it is, or keep of it what your policies use:

  kubectl apply -f deploy/targets.yaml

A policy on a kind that is not granted says so in its status, with the exact rule that is missing; its other kinds go on.
So does a policy with globs, of each kind that they fit.

To add a kind, add its API group and its resource (the plural) to a rule, and apply the file again. The operator notices
by itself. For kinds that policies only judge, and in mode Audit, \`list, watch\` is enough; \`patch\` is for writing labels
and annotations. A custom kind, for example:

  - apiGroups: [cert-manager.io]
    resources: [certificates]
    verbs: [list, watch, patch]

Before you add more: a right to patch covers the whole object, since RBAC knows no "metadata only". Watchkeeper writes nothing
but labels and annotations, yet whoever takes over its service account could write the rest. So there is no \`*\` here (it would
include secrets, pods/exec and nodes/proxy), and no secrets, no namespaces to patch, nothing of RBAC, admission, CRDs,
API services or certificates.

Made by \`npm run generate\` with what \`watchkeeper rbac\` is made with.`;

const NAMESPACED_HEAD = `Rights on the kinds that your policies name, in one namespace: for an operator that runs with --namespaces, in place of
targets.yaml. Apply it in each of the namespaces.

  kubectl apply -n team-a -f deploy/namespaced-targets.yaml

\`watchkeeper rbac --namespaces team-a my-policies/\` prints what your own policies need. Kinds are added as in targets.yaml, and
what is said there about further rights holds here too.

Made by \`npm run generate\` with what \`watchkeeper rbac\` is made with.`;

export const optInTargets = (): string => rolesText(CLUSTER_HEAD, undefined);
export const namespacedTargets = (): string => rolesText(NAMESPACED_HEAD, ['']);

function rolesText(head: string, namespaces: readonly string[] | undefined): string {
  const spec = {
    mode: 'Enforce',
    match: { resources: TARGETS },
    rules: [{ name: 'any', set: { labels: [{ key: 'any', value: 'any' }] } }],
  };
  const answer = rightsOf({
    policies: [{ name: 'targets', uid: '', generation: 1, spec, where: 'the opt-in file' }],
    discovery: undefined,
    namespaces: undefined,
    operatorNamespace: 'watchkeeper',
    enforced: false,
    all: false,
  });
  if (!answer.ok) throw new Error(answer.problems.join('\n'));
  const operator = { operatorNamespace: 'watchkeeper', serviceAccount: 'watchkeeper' };
  const manifests = roleManifests(answer.rights.rights, { ...operator, namespaces });
  return yamlText(head.split('\n'), manifests);
}
