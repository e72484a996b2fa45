import { namesOf } from '../api/cohabitation.ts';
import { policyNameProblem } from '../api/parse-policy.ts';
import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import { quoted } from '../api/words.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import { compilePolicy } from '../policy/compile.ts';
import type { Program } from '../policy/program.ts';
import { isExact } from '../policy/resource-terms.ts';
import type { Namespaces } from '../watchplan/limits.ts';
import { planWatches } from '../watchplan/plan.ts';
import { type NeededRight, type NeededRights, neededRights } from '../watchplan/rights.ts';
import { missingVersions } from '../watchplan/versions.ts';
import type { PolicyDocument } from './policy-documents.ts';

export interface RightsQuestion {
  readonly policies: readonly PolicyDocument[];
  /** What the cluster serves; undefined: that is not known, and policies may not depend on it. */
  readonly discovery: DiscoverySnapshot | undefined;
  readonly namespaces: Namespaces;
  /** The operator's own. */
  readonly operatorNamespace: string;
  /** As if every policy were enforced. */
  readonly enforced: boolean;
  /** Also on all kinds that a policy may reach by globs. */
  readonly all: boolean;
}

export type RightsAnswer =
  | { readonly ok: true; readonly rights: NeededRights }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Rights have nothing to do with which keys are written; some of these are kept from policies all the same. */
const ANY_KEY = ['*', '*/*'];

/** The rights that an operator with these policies asks for on this cluster, found by the operator's own planner. */
export function rightsOf(question: RightsQuestion): RightsAnswer {
  const { policies, discovery, namespaces, operatorNamespace, enforced, all } = question;
  const problems: string[] = [];
  const programs: Program[] = [];
  const refuse = ({ where, name }: PolicyDocument, problem: string) =>
    problems.push(`${where}: ${quoted(name)}: ${problem}`);
  for (const policy of policies) {
    const bad = policyNameProblem(policy.name);
    if (bad !== undefined) refuse(policy, `metadata.name ${bad}`);
    if (programs.some((program) => program.policy === policy.name)) refuse(policy, 'there are two of this name');
    const compiled = compilePolicy(policy, { allowedKeys: ANY_KEY, ownNamespace: operatorNamespace });
    const issues = compiled.ok ? missingVersions(compiled.program, discovery ?? new Map()) : compiled.issues;
    for (const { path, message } of issues) refuse(policy, `${path} ${message}`);
    if (!compiled.ok) continue;
    const { program } = compiled;
    for (const target of program.targets) {
      if (discovery === undefined && !isExact(target))
        refuse(policy, `${target.path} has globs: which kinds they fit only a cluster can say`);
    }
    programs.push(enforced ? { ...program, mode: 'Enforce' } : program);
  }
  const served = discovery ?? new Map();
  const plan = planWatches({
    programs: all ? [...programs, ...everything()] : programs,
    discovery: served,
    crdUids: new Map(),
    apiServiceUids: new Map(),
    written: new Set(),
    namespaces,
  });
  for (const policy of policies) {
    for (const { path, message } of plan.refused.get(policy.name)?.issues ?? []) refuse(policy, `${path} ${message}`);
  }
  if (problems.length > 0) return { ok: false, problems };
  const rights = neededRights(plan, served);
  return { ok: true, rights: discovery === undefined ? { ...rights, rights: preferred(rights.rights) } : rights };
}

/** Of what a server may have in two groups the operator watches the first that is served: by all odds the one to prefer. */
function preferred(rights: readonly NeededRight[]): readonly NeededRight[] {
  const byName = new Map<GroupResourceName, NeededRight>();
  for (const right of rights) {
    const [resource = right] = namesOf(right);
    const name = groupResourceName(resource);
    const verbs = new Set([...(byName.get(name)?.verbs ?? []), ...right.verbs]);
    byName.set(name, { ...right, group: resource.group, resource: resource.resource, verbs: [...verbs] });
  }
  return [...byName.values()];
}

/** Every kind that globs reach: to be written where it can be, else to be judged. No policy can have a name with spaces. */
function everything(): Program[] {
  const match = { resources: [{ group: '*', resource: '*' }] };
  const rules = {
    writing: { name: 'any', set: { labels: [{ key: 'any', value: 'any' }] } },
    judging: { name: 'any', forbid: { labels: ['any'] } },
  };
  return Object.entries(rules).map(([name, rule]) => {
    const spec = { mode: 'Enforce', match, rules: [rule] };
    const compiled = compilePolicy({ name: `all kinds, ${name}`, uid: '', generation: 1, spec });
    if (!compiled.ok) throw new Error(`a policy on all kinds is refused: ${JSON.stringify(compiled.issues)}`);
    return compiled.program;
  });
}
