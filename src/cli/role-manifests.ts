import { Document, isSeq, visit } from 'yaml';
import { groupResourceName } from '../api/resource.ts';
import type { NeededRight, NeededRights } from '../watchplan/rights.ts';

/** Roles of Kubernetes out of the rights that a plan needs. */

const ROLE_NAME = 'watchkeeper-targets';
const RBAC = 'rbac.authorization.k8s.io';

export interface RoleOptions {
  /** The operator's own, where its ServiceAccount is. */
  readonly operatorNamespace: string;
  readonly serviceAccount: string;
  /**
   * Where the rights are wanted, each by a Role of its own; undefined: in the whole cluster; '' leaves the namespace to
   * who applies.
   */
  readonly namespaces: readonly string[] | undefined;
}

interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

export type RoleManifest = Readonly<Record<string, unknown>>;

/** One role with its binding, or one pair for each namespace; none where there is nothing to grant. */
export function roleManifests(rights: readonly NeededRight[], options: RoleOptions): RoleManifest[] {
  const rules = policyRules(rights);
  if (rules.length === 0) return [];
  const { namespaces } = options;
  if (namespaces === undefined) return pair('ClusterRole', rules, undefined, options);
  return namespaces.flatMap((namespace) => pair('Role', rules, namespace, options));
}

/** What has the same group and the same verbs stands together; in the order of the rights. */
export function policyRules(rights: readonly NeededRight[]): PolicyRule[] {
  const together = Map.groupBy(rights, ({ group, verbs }) => `${group} ${verbs.join()}`);
  return [...together.values()].map((entries) => ({
    apiGroups: [entries[0]?.group ?? ''],
    resources: entries.map(({ resource }) => resource),
    verbs: entries[0]?.verbs ?? [],
  }));
}

function pair(
  kind: 'ClusterRole' | 'Role',
  rules: readonly PolicyRule[],
  namespace: string | undefined,
  { operatorNamespace, serviceAccount }: RoleOptions,
): RoleManifest[] {
  const metadata = {
    name: ROLE_NAME,
    ...(namespace === undefined || namespace === '' ? {} : { namespace }),
    labels: {
      'app.kubernetes.io/name': 'watchkeeper',
      'app.kubernetes.io/component': 'targets',
      'app.kubernetes.io/part-of': 'watchkeeper',
      'app.kubernetes.io/managed-by': 'kubectl',
    },
  };
  const subjects = [{ kind: 'ServiceAccount', name: serviceAccount, namespace: operatorNamespace }];
  const apiVersion = `${RBAC}/v1`;
  return [
    { apiVersion, kind, metadata, rules },
    { apiVersion, kind: `${kind}Binding`, metadata, roleRef: { apiGroup: RBAC, kind, name: ROLE_NAME }, subjects },
  ];
}

/** What a reader of the roles should know besides, a line each. */
export function remarks({ rights, outOfReach }: NeededRights): string[] {
  const lines = outOfReach.map(({ why }) => `Left out: ${why}.`);
  const late = rights.filter(({ served }) => !served).map(groupResourceName);
  if (late.length > 0) lines.push(`Granted for the time when the cluster serves them: ${late.join(', ')}.`);
  if (rights.some((right) => groupResourceName(right) === 'secrets')) {
    lines.push('Of Secrets only metadata is read, yet the right to list them covers their data: RBAC knows no less.');
  }
  return lines;
}

/** Documents for `kubectl apply -f -`, under a comment. */
export function yamlText(head: readonly string[], manifests: readonly RoleManifest[]): string {
  const comment = head.map((line) => (line === '' ? '#\n' : `# ${line}\n`)).join('');
  return comment + manifests.map(yamlOf).join('---\n');
}

function yamlOf(manifest: RoleManifest): string {
  const document = new Document(manifest, { aliasDuplicateObjects: false });
  visit(document, {
    Seq(_key, seq) {
      // Lists of words in one line each, as people write rules.
      if (seq.items.every((item) => !isSeq(item) && typeof item === 'object' && item !== null && 'value' in item)) {
        seq.flow = true;
      }
    },
  });
  return document.toString({ lineWidth: 120, flowCollectionPadding: false });
}

/** A List, which `kubectl apply -f -` takes as well. */
export function jsonText(manifests: readonly RoleManifest[]): string {
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }, undefined, 2)}\n`;
}
