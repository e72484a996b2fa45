import { counted, listedUpTo, quoted } from '../api/words.ts';
import { messageOf } from '../base/errors.ts';
import { VERSION } from '../base/version.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import { DiscoveryClient } from '../kube/discovery-client.ts';
import { isEnforced, listPolicies } from './cluster-policies.ts';
import { say, withClient } from './one-shot.ts';
import { type PolicyDocument, type PolicyDocuments, readPolicyFiles } from './policy-documents.ts';
import { rightsOf } from './policy-rights.ts';
import type { RbacOptions } from './rbac.ts';
import { jsonText, remarks, roleManifests, yamlText } from './role-manifests.ts';

/** Exit codes. */
const PRINTED = 0;
const FAILED = 1;
const REFUSED = 2;

/** Resolves to the exit code. Nothing but roles goes to standard output, and nothing at all when something is wrong. */
export async function printRoles(options: RbacOptions): Promise<number> {
  const { files, offline, all, enforced, namespace, serviceAccount, namespaces, output } = options;
  if (offline && files.length === 0) return refused(['--offline: there are no policies; name files, folders, or -.']);
  try {
    const given = files.length === 0 ? undefined : await readPolicyFiles(files);
    if (given !== undefined && given.problems.length > 0) return refused(given.problems);
    const cluster = offline ? undefined : await readCluster(options, given);
    const { policies, others } = given ?? cluster?.documents ?? NO_DOCUMENTS;
    if (policies.length === 0 && !all) return refused([nothingFound(files, others)]);
    const question = { policies, namespaces, operatorNamespace: namespace, enforced, all };
    const answer = rightsOf({ ...question, discovery: cluster?.discovery });
    if (!answer.ok) return refused(answer.problems);
    const manifests = roleManifests(answer.rights.rights, {
      operatorNamespace: namespace,
      serviceAccount,
      namespaces,
    });
    const head = [...headOf(policies, options), ...(offline ? [] : remarks(answer.rights))];
    process.stdout.write(output === 'json' ? jsonText(manifests) : yamlText(head, manifests));
    for (const hint of hints(policies, options)) say(hint);
    return PRINTED;
  } catch (error) {
    say(messageOf(error));
    return FAILED;
  }
}

const NO_DOCUMENTS: PolicyDocuments = { policies: [], others: 0, problems: [] };

interface Cluster {
  readonly discovery: DiscoverySnapshot;
  readonly documents: PolicyDocuments;
}

/** What the cluster serves, and its policies where no others are given. */
async function readCluster(
  { kubeconfig, context, all }: RbacOptions,
  given: PolicyDocuments | undefined,
): Promise<Cluster> {
  const { signal } = new AbortController();
  return withClient({ kubeconfig, context }, async (client) => {
    const discovery = await new DiscoveryClient(client).refresh(signal);
    const policies = given === undefined && !all ? await listPolicies(client, signal) : [];
    return { discovery, documents: given ?? { ...NO_DOCUMENTS, policies } };
  });
}

const NAMES_SHOWN = 8;

/** From what the roles were made, so that whoever finds them can make them again. */
function headOf(policies: readonly PolicyDocument[], { all, enforced, offline }: RbacOptions): string[] {
  const names = policies.map(({ name }) => name).toSorted();
  const made = `For ${counted(names.length, 'policy', 'policies')}: ${listedUpTo(NAMES_SHOWN, names)}.`;
  return [
    `The rights on kinds that Watchkeeper ${VERSION} needs, as \`watchkeeper rbac\` printed them. Print them anew when policies change.`,
    ...(all ? ['All kinds that the cluster serves and that a policy may reach by globs.'] : []),
    ...(names.length === 0 ? [] : [`${made}${enforced ? ' As if all of them were enforced.' : ''}`]),
    ...(offline ? ['Made without a cluster.'] : []),
  ];
}

/** What to think of besides, for the reader at the terminal. */
function hints(policies: readonly PolicyDocument[], { enforced }: RbacOptions): string[] {
  const idle = policies.filter((policy) => !isEnforced(policy));
  if (enforced || idle.length === 0) return [];
  const first = quoted(idle[0]?.name ?? '');
  const are = counted(idle.length, 'policy is', 'policies are');
  return [`${are} not in mode Enforce, such as ${first}: what they will need then is printed with --enforced.`];
}

function nothingFound(files: readonly string[], others: number): string {
  if (files.length === 0) return 'There are no policies in the cluster; name files, or use --all.';
  const beside = others === 0 ? '' : ` among ${counted(others, 'document', 'documents')} of other kinds`;
  return `There is no WatchPolicy in ${files.join(', ')}${beside}.`;
}

function refused(problems: readonly string[]): number {
  for (const problem of problems) say(problem);
  return REFUSED;
}
